"""Real Odoo hosts for the tests: obtained from Debian, started on loopback, gone when the session ends.

Three layers, each knowing only the one above it in this list: `distributions` puts Odoo and its PostgreSQL into a
cache that survives a clone of the repository; `programs` starts things such that a killed session leaves nothing
that the next one does not sweep; `real_hosts` makes of both the four hosts that `fixtures` hands to tests.
Nothing here imports the project: a test bed that shares the code under test would share its mistakes.
"""
