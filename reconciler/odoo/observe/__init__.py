"""Looks at hosts and databases. Nothing here changes anything on a host."""
