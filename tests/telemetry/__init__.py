"""The log from outside: `configure`, events and calls in, lines out."""
