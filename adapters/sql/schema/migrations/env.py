"""What Alembic runs around the migrations."""

from __future__ import annotations

from alembic import context

from addressee.adapters.sql.engine.dialects import dialect_of

options = context.config.attributes
schema, ours = options["schema"], dialect_of(options["connection"])

context.configure(
    connection=None if context.is_offline_mode() else options["connection"],
    url=options["connection"].engine.url if context.is_offline_mode() else None,
    literal_binds=context.is_offline_mode(),
    version_table=schema.migration.name,
    version_table_schema=schema.migration.schema,
    tables=schema,
    database=ours.name,
)
with context.begin_transaction():
    for statement in ours.create_schema(schema.migration.schema):
        context.execute(statement)
    context.run_migrations()
