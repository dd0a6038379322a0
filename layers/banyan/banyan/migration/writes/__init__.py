"""Commands during a migration, whichever side is primary."""
