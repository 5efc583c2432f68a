"""Backups as bytes: whole, cut, damaged, foreign and dangerous ones."""
