"""What operators and machines are told: events of a run, notices, drift that comes back. Pure."""
