"""Runs hooks: programs of the operator's, without a shell, and signed web calls."""
