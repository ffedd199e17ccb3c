"""Alembic's entry: runs the revisions on the connection that `central.storage.database.migrate` gives."""

from __future__ import annotations

from alembic import context

from central.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
