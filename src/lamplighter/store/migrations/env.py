"""Alembic's entry: run the migrations on the connection that was handed over."""

from alembic import context

from lamplighter.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
