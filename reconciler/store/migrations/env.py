"""Run by alembic: migrates on the connection, and in the transaction, of the caller (`reconciler.store.migrating`)."""

from __future__ import annotations

from alembic import context

context.configure(**context.config.attributes)
context.run_migrations()
