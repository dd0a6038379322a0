"""Rebuilding projections: a new generation of rows beside the live one."""
