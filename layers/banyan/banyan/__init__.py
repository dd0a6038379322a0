"""Event sourcing on AWS primitives: what a domain is written with.

Its routes take the rest from ``banyan.http``, its tests from ``banyan.testing``.
"""

from banyan.decider import Decider
from banyan.domain import Domain
from banyan.errors import CommandRejected, Conflict, NotFound
from banyan.events import CamelModel, DomainEvent, Event, EventRegistry, Upcaster
from banyan.projections.base import Add, Lookup, StreamProjection, ViewProjection
from banyan.reactions.base import Policy, Schedule, Send
from banyan.store.memory import memory_store

__version__ = "0.2.0"

__all__ = [
    "Add",
    "CamelModel",
    "CommandRejected",
    "Conflict",
    "Decider",
    "Domain",
    "DomainEvent",
    "Event",
    "EventRegistry",
    "Lookup",
    "NotFound",
    "Policy",
    "Schedule",
    "Send",
    "StreamProjection",
    "Upcaster",
    "ViewProjection",
    "memory_store",
]
