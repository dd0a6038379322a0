"""Makes a project of one's own."""
