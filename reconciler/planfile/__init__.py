"""A plan that is kept: saved, sealed, and compared with what is planned now. Pure."""
