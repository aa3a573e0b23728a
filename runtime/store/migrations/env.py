"""Run migrations on the connection handed over by `runtime.store.migrate`."""

from alembic import context

from runtime.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
