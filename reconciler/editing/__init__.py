"""Writing a fleet's text: edits that leave every other byte as it is, new documents, and what a fleet would be with them.

Pure: text in, text out. Who writes it to a disk or into a commit is another matter.
"""
