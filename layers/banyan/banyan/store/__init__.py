"""The event store and the tables it can stand on."""

from banyan.store.base import Appended, BesideRefused, Commit, CommitTable, Expected, Loaded, LogEntry, Snapshot, Write
from banyan.store.eventstore import EventStore

__all__ = [
    "Appended",
    "BesideRefused",
    "Commit",
    "CommitTable",
    "EventStore",
    "Expected",
    "Loaded",
    "LogEntry",
    "Snapshot",
    "Write",
]
