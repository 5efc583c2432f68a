"""Backups as Odoo makes them, as bytes: read whole with bounded memory, judged, rewritten for a restore. No network, no clock."""
