"""Roles and tokens."""
