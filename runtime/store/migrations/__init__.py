"""Alembic's environment: the only thing that builds a schema, in tests too."""
