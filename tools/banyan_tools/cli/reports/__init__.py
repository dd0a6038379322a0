"""Reports of the reconciliation, for people: as tables and as a page."""
