"""Puts a CSV of readings on the stream of readings, and compares windows: reading, sending, waiting, a file each."""
