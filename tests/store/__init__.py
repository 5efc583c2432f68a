"""The store from outside: `open_store` and the methods of what it gives, on real files and in real processes."""
