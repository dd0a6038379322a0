"""What the operator's requests name: a projection, and perhaps a stream that it reads."""

from __future__ import annotations

from banyan.aws.http_call import Call
from banyan.errors import NotFound, StreamCorrupted
from banyan.projections.base import Projection
from banyan.streams import StreamId


def known(call: Call, name: str, stream: StreamId | None = None) -> Projection:
    """A projection of the domain, that reads a stream if one is given, and one with events.

    Raises
    ------
    NotFound
    """
    found = next((each for each in call.application.domain.projections if each.name == name), None)
    if found is None:
        raise NotFound("projection_not_found", f"there is no projection {name!r}: list them first")
    if stream and stream.entity != found.entity:
        raise NotFound("stream_not_found", f"{name!r} reads {found.entity!r} streams, and {stream} is none", "stream")
    if stream and not _has_events(call, stream):
        raise NotFound("stream_not_found", f"there are no events of {stream}", "stream")
    return found


def _has_events(call: Call, stream: StreamId) -> bool:
    """Whether a stream was ever appended to; one that is damaged was."""
    try:
        return call.application.store.head(stream).version > 0
    except StreamCorrupted:
        return True
