"""What is remembered between passes: inventory and journal, in SQLite or PostgreSQL. It remembers and never decides.

Losing it loses history, never a database and never the next right step. Nothing here is imported before a store is opened
(SQLAlchemy costs half a second), except `opening`, `forgetful`, `failures` and `threads`, which import nothing heavy.
"""
