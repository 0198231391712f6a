"""Run the queries of this folder on Spark: ``spark-submit on_spark.py FOLDER``.

FOLDER is what ``addressee export FOLDER --by-day`` fills, or a copy of it that the cluster reaches,
such as ``s3a://bucket/facts``. Prints a line of JSON for each row.
"""

import json
import sys
from pathlib import Path

from pyspark.sql import SparkSession

QUERIES = ("sign_ins", "shared_devices", "ever_shared", "churn")


def main(folder: str) -> None:
    """Print the rows of every query."""
    spark = SparkSession.builder.appName("addressee").getOrCreate()
    spark.read.parquet(folder).createOrReplaceTempView("facts")
    spark.sql(text("sessions"))
    for name in QUERIES:
        for row in spark.sql(text(name)).toLocalIterator():
            print(json.dumps({"query": name, **row.asDict()}, default=str))
    spark.stop()


def text(name: str) -> str:
    """Return the SQL of a query, or of the view that all of them read."""
    return Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
