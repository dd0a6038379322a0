"""Traces: what one request set off, over all streams."""
