"""What is known of backups: the catalogue's entries, and which of them are kept. Pure."""
