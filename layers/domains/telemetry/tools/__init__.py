"""Tools of telemetry, never deployed."""
