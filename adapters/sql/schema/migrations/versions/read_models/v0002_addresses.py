"""Where pushes reach installations; `addressee rebuild --only addresses` fills it."""

from __future__ import annotations

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"
PART = "before"

SERVICE = (
    String(50)
    .with_variant(String(50, collation="utf8mb4_nopad_bin"), "mariadb")
    .with_variant(String(50, collation="utf8mb4_0900_bin"), "mysql")
)
BYTES = LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")


def upgrade() -> None:
    """Make the table."""
    event = op.get_context().opts["tables"].event
    op.create_table(
        f"{event.name.removesuffix('event')}address",
        Column("ordinal", Integer, primary_key=True, autoincrement=False),
        Column("service", SERVICE, nullable=False),
        Column("address", BYTES, nullable=False),
        Column("details", BYTES, nullable=False),
        Column("since", BigInteger, nullable=False),
        schema=event.schema,
        # MariaDB commits it at once, and the run may have been killed then.
        if_not_exists=not op.get_context().as_sql,
        mysql_engine="InnoDB",
        mariadb_engine="InnoDB",
    )
