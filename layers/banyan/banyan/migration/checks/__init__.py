"""Whether a migration is healthy, and what stands against its next step."""
