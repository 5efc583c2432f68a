"""The async shell: runs what the core decided, over ports. It has no policy of its own and knows no adapter."""
