"""Plants bugs one at a time, and tells which of them the tests notice."""
