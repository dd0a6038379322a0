"""Deadlines: commands that wait for their time."""
