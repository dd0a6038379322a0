"""Periods: months that are closed, for everybody at once."""
