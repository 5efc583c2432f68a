"""What differs between text and hosts, subject by subject, and the actions that put it right."""
