"""A migration from its first step to its last, played on this machine while clients continue working."""
