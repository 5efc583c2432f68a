"""Backups from a host to a target, listed, thinned out."""
