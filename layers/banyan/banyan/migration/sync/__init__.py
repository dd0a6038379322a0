"""Bringing one side up to date with the other."""
