"""The plugins that all tests may use."""

pytest_plugins = ["tests.hosts.fixtures"]
