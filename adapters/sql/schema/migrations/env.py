"""What Alembic runs around the migrations."""

from __future__ import annotations

from alembic import context
from sqlalchemy.schema import CreateSchema

options = context.config.attributes
schema = options["schema"]

context.configure(
    connection=None if context.is_offline_mode() else options["connection"],
    dialect_name=options["connection"].dialect.name if context.is_offline_mode() else None,
    literal_binds=context.is_offline_mode(),
    version_table=schema.migration.name,
    version_table_schema=schema.migration.schema,
    tables=schema,
)
with context.begin_transaction():
    where = schema.migration.schema
    if where and context.get_context().dialect.name == "postgresql":
        context.execute(CreateSchema(where, if_not_exists=True))
    context.run_migrations()
