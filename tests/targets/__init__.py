"""Targets against servers of their kind: SFTP, S3, a directory."""
