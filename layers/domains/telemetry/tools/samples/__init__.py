"""A small fleet, and the sample events in ``events/telemetry`` that are made of it."""
