"""The decisions, pure: no clock, no randomness, no environment, no logging, no async. Everything comes in as arguments."""
