"""Where a migration stands, and what moves it."""
