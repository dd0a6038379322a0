"""Proving that streams, snapshots and read models agree."""
