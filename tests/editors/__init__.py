"""The text of a fleet in editors."""
