"""The text judged whole: documents become a fleet, or problems with their places. Pure."""
