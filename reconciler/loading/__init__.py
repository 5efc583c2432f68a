"""Text to documents: strict YAML with positions, discovery of files, secret references.

Bad text is a list of diagnostics, never an exception.
"""
