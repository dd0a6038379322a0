"""Profiles: what a device is, whether it is heard, and which of its alarms are on."""
