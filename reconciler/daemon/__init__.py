"""The daemon: what sets passes off, what it tells, and how it starts and stops. It decides nothing about the fleet."""
