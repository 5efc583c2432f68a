"""What is decided on and what comes of it, as plain data: names, verbs, specs, what was observed, actions, changesets."""
