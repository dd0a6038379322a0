"""Event sourcing on AWS primitives."""

from banyan.store.memory import memory_store

__all__ = ["memory_store"]
