"""Sends messages to channels, each by a process of its own."""
