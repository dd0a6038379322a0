"""Events: what the domain says, the envelope it is kept in, and the registry that reads them, old versions too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, SerializeAsAny, ValidationError
from pydantic.alias_generators import to_camel

from banyan.errors import ConfigurationError, InvalidEvent, UnknownEventType, UnsupportedSchemaVersion
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


Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Upcaster:
    """Lifts the data of one event type from one schema version to the next.

    Parameters
    ----------
    from_version : int
        Schema version it reads; it returns data of ``from_version + 1``.
    upcast : Callable[[Mapping], Mapping]
        Pure: old data in, new data out.
    """

    event_type: str
    from_version: int
    upcast: Callable[[Data], Data]


class EventRegistry:
    """Knows every event class of a domain by its ``eventType``.

    Parameters
    ----------
    upcasters : Iterable[Upcaster]
        One for each old schema version of each event.

    Raises
    ------
    ConfigurationError
        When two events share a type, or an old schema version has no upcaster.
    """

    def __init__(self, events: Iterable[type[DomainEvent]], upcasters: Iterable[Upcaster] = ()) -> None:
        self._classes: dict[str, type[DomainEvent]] = {}
        for event in events:
            self._register(event)
        self._lifts = tuple(upcasters)
        self._upcasters = {(u.event_type, u.from_version): u.upcast for u in self._lifts}
        self._check_upcasters()

    @property
    def event_types(self) -> tuple[str, ...]:
        """All registered types, sorted."""
        return tuple(sorted(self._classes))

    def __contains__(self, event: object) -> bool:
        """Whether this very class is registered."""
        return any(event is known for known in self._classes.values())

    def including(self, other: EventRegistry) -> EventRegistry:
        """A registry that knows the events of another one too. Raises ``ConfigurationError``."""
        events = [*self._classes.values(), *other._classes.values()]
        return EventRegistry(events, [*self._lifts, *other._lifts])

    def decode(self, event_type: str, schema_version: int, data: Data) -> DomainEvent:
        """Turn stored data into the current event class.

        Raises
        ------
        UnknownEventType, UnsupportedSchemaVersion, InvalidEvent
        """
        event_class = self._class_of(event_type)
        if schema_version != event_class.schema_version:
            data = self._lifted(event_class, schema_version, data)
        try:
            event: DomainEvent = event_class.__pydantic_validator__.validate_python(data)
        except ValidationError as error:
            remedy = _remedy(event_class, schema_version)
            raise InvalidEvent(f"stored {event_type} does not fit its class: {_fields(error)}. {remedy}") from error
        return event

    def _lifted(self, event_class: type[DomainEvent], schema_version: int, data: Data) -> Data:
        event_type, current = event_class.event_type(), event_class.schema_version
        if schema_version > current:
            raise UnsupportedSchemaVersion(event_type, schema_version, current)
        for version in range(schema_version, current):
            try:
                data = self._upcasters[event_type, version](data)
            except Exception as error:
                raise InvalidEvent(
                    f"stored {event_type} of schema version {version} cannot be lifted: mend its Upcaster"
                ) from error
        return data

    def check(self, event: DomainEvent) -> None:
        """Refuse an event that could be stored but never read again.

        Raises
        ------
        UnknownEventType
        """
        if self._class_of(event.event_type()) is not type(event):
            raise UnknownEventType(event.event_type())

    def _class_of(self, event_type: str) -> type[DomainEvent]:
        try:
            return self._classes[event_type]
        except KeyError:
            raise UnknownEventType(event_type) from None

    def _register(self, event: type[DomainEvent]) -> None:
        if event.event_type() in self._classes:
            raise ConfigurationError(f"two events are named {event.event_type()!r}")
        self._classes[event.event_type()] = event

    def _check_upcasters(self) -> None:
        wanted = {(name, v) for name, cls in self._classes.items() for v in range(1, cls.schema_version)}
        for name, version in sorted(wanted - self._upcasters.keys()):
            raise ConfigurationError(f"{name} needs an upcaster from schema version {version}")
        for name, version in sorted(self._upcasters.keys() - wanted):
            raise ConfigurationError(f"the upcaster of {name} from schema version {version} is of no use")


def _remedy(event_class: type[DomainEvent], stored: int) -> str:
    current = event_class.schema_version
    if stored < current:
        return f"Mend what lifts it from schema version {stored}: its Upcaster"
    return f"If the class was changed, set its schema_version to {current + 1} and add an Upcaster from {current}"


def _fields(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
