"""Measurements, each against something that bounds it."""
