"""Periods: months that are closed for all transfers at once."""
