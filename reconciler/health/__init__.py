"""How servers and login pages are: judged by rules (pure), and looked at in rounds."""
