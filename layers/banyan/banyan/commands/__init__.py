"""Handling commands, each exactly once."""
