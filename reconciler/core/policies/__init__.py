"""What the text and the calendar say of one subject: whose it is, when it ends, is backed up, upgraded, how much it may use."""
