"""A whole world in one process: simulated hosts, virtual time, seeded chance, and the real tool on top of them."""
