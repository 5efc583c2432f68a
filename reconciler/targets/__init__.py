"""Where backups are kept: a directory, an S3-compatible store, a folder reached by SFTP (`engine.ports.Target`)."""
