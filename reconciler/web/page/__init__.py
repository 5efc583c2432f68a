"""The page that operators keep open: HTML made here, whole without JavaScript, with nothing from other hosts."""
