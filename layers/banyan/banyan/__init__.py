"""Event sourcing on AWS primitives."""
