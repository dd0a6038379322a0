"""The event store and the tables it can stand on."""

from banyan.store.base import (
    Appended,
    Commit,
    CommitTable,
    CompanionWriteRejected,
    Expected,
    Loaded,
    LogEntry,
    Snapshot,
    Write,
)
from banyan.store.eventstore import EventStore

__all__ = [
    "Appended",
    "Commit",
    "CommitTable",
    "CompanionWriteRejected",
    "EventStore",
    "Expected",
    "Loaded",
    "LogEntry",
    "Snapshot",
    "Write",
]
