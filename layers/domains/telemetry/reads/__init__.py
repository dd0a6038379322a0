"""Questions about devices and their readings. Only the list of readings reads the event table."""
