"""The commands, one file each. Modules are imported when their command runs, so that `--version` costs nothing."""
