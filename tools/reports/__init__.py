"""Reports of the reconciliation, for people."""
