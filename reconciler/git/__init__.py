"""Where a text may come from: git, by its own command."""
