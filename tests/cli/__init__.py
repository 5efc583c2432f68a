"""The command line: each command's output and exit code, on simulated hosts."""
