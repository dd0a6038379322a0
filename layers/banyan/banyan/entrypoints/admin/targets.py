"""What the operator's requests name: a projection or the reactor, and perhaps a stream that it takes in."""

from __future__ import annotations

from typing import Final

from banyan.entrypoints.http.call import Call
from banyan.errors import NotFound, StreamCorrupted
from banyan.projections.base import RESERVED_NAMES
from banyan.streams import StreamId

LONGEST_NAME: Final = 255
"""Keys of the table are at most 2048 bytes long."""


def known(call: Call, name: str, stream: StreamId | None = None) -> str:
    """The name of a projection or of the reactor, that takes a stream in if one is given, and one with events.

    Raises
    ------
    NotFound
    """
    operations = call.application.operations
    if name not in operations.names:
        raise NotFound("projection_not_found", f"there is no projection {name!r}: list them first")
    if stream and not operations.reads(name, stream):
        raise NotFound("stream_not_found", f"{name!r} does not take {stream} in", "stream")
    if stream and not _has_events(call, stream):
        raise NotFound("stream_not_found", f"there are no events of {stream}", "stream")
    return name


def with_rows(call: Call, name: str, stream: StreamId | None = None) -> str:
    """As ``known``, of a projection only. Raises ``NotFound``."""
    if name in RESERVED_NAMES:
        raise NotFound("projection_not_found", f"{name!r} is no projection: it has no rows to build anew")
    return known(call, name, stream)


def left_over(call: Call, name: str) -> str:
    """The name of a projection that is or was there: somebody changed its control, or the catch-up walked for it.

    Raises
    ------
    NotFound
    """
    app = call.application
    if len(name) > LONGEST_NAME:
        raise NotFound("projection_not_found", "there is no projection of such a long name")
    control = app.controls.get([name])[name]
    buckets = range(app.settings.log_buckets)
    if name in app.operations.names or control.revision or app.log_checkpoints.get(control.generation(), buckets):
        return name
    raise NotFound("projection_not_found", f"nothing is left of a projection {name!r}: it was never here")


def _has_events(call: Call, stream: StreamId) -> bool:
    """Whether a stream was ever appended to; one that is damaged was."""
    try:
        return call.application.store.head(stream).version > 0
    except StreamCorrupted:
        return True
