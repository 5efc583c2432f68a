"""The client of Odoo, through `HostConnection` and `DatabaseSession`, against hosts that misbehave on purpose."""
