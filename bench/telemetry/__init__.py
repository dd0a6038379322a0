"""Telemetry, measured: what readings cost, how many a second are recorded and seen, and what slows what down."""
