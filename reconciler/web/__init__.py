"""What a running daemon answers over HTTP: whether it is alive, whether it is ready, and its metrics. It asks, it never acts."""
