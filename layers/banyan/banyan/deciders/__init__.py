"""Deciders that many domains need, to take part in their decisions."""
