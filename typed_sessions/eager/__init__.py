"""Upcast stored sessions now instead of when they are next opened: from the command line, or in an Alembic revision."""
