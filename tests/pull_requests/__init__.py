"""Ten pull requests on one fleet, from the edit to the hosts, and what a reviewer reads of each."""
