"""Reactions to events: policies send commands, effects reach the world outside."""
