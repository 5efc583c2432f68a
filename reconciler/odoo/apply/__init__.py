"""Changes on hosts. Whatever creates, renames or drops a database is in `databases`; the rest writes inside one."""
