"""Events: what the domain says, and the envelope it is kept in."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, SerializeAsAny
from pydantic.alias_generators import to_camel

from banyan.streams import StreamId


class CamelModel(BaseModel):
    """Frozen model: ``snake_case`` in Python, ``camelCase`` in JSON, no unknown fields."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="forbid")


class DomainEvent(CamelModel):
    """Base of a domain's events. The class name is the ``eventType``.

    Raise ``schema_version`` when the fields change, and give the registry an upcaster from the version before.
    """

    schema_version: ClassVar[int] = 1

    @classmethod
    def event_type(cls) -> str:
        """Stable name under which events of this class are stored."""
        return cls.__name__


class Metadata(CamelModel):
    """What is known about an event besides its content.

    Parameters
    ----------
    correlation_id : str
        Shared by everything that one request set off.
    causation_id : str
        The request or event that directly caused this one.
    actor : str
        Verified subject who asked for it.
    occurred_at : datetime, optional
        When it happened in the world, if that was not when it was recorded.
    traceparent : str
        W3C trace context of the span that asked for it, if there was one.
    schema_version : int
        Schema version the event was written with (set by the store).
    """

    correlation_id: str = ""
    causation_id: str = ""
    actor: str = ""
    occurred_at: datetime | None = None
    traceparent: str = ""
    schema_version: int = 1


class Event(CamelModel):
    """One recorded event.

    Parameters
    ----------
    event_id : str
        Unique, derived from commit id and index.
    event_type : str
        Name of the payload's class.
    version : int
        Place in the stream, from 1.
    timestamp : datetime
        When it was recorded, UTC.
    payload : DomainEvent
        In today's schema version, whatever version is stored.
    metadata : Metadata
        Who caused it, and by what.
    """

    event_id: str
    event_type: str
    stream_id: StreamId
    version: int
    timestamp: datetime
    payload: SerializeAsAny[DomainEvent]
    metadata: Metadata

    @property
    def occurred_at(self) -> datetime:
        """When it happened in the world: ``metadata.occurred_at``, else the time of recording."""
        return self.metadata.occurred_at or self.timestamp
