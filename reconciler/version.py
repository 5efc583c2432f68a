"""The tool's version: a literal, so that `--version` imports nothing else."""

__version__ = "0.1.0"
