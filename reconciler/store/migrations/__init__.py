"""The steps from an empty store to the newest version, one file each, read by alembic. A released step never changes."""
