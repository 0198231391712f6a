"""Run the queries of this folder on Spark: ``spark-submit on_spark.py FOLDER``.

FOLDER is what ``addressee export FOLDER --by-day`` fills, or a copy of it that the cluster reaches,
such as ``s3a://bucket/facts``. Prints a line of JSON for each row.
"""

import json
import sys
from pathlib import Path

from pyspark.sql import SparkSession


def main(folder: str) -> None:
    """Print the rows of every query."""
    spark = SparkSession.builder.appName("addressee").getOrCreate()
    spark.read.parquet(folder).createOrReplaceTempView("facts")
    for path in sorted(Path(__file__).parent.glob("*.sql")):
        for row in spark.sql(path.read_text(encoding="utf-8")).toLocalIterator():
            print(json.dumps({"query": path.stem, **row.asDict()}, default=str))
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
