"""Who may ask and steer a daemon: roles, and the tokens that prove one. Pure: no clock, no randomness, no I/O."""
