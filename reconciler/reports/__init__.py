"""Data to text, pure: one file per format. Nothing here decides, reads or writes."""
