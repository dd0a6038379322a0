"""The registry of a domain's events, and the upcasters that read their old versions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from banyan.errors import ConfigurationError, InvalidEvent, UnknownEventType, UnsupportedSchemaVersion
from banyan.events import DomainEvent

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
        if schema_version > event_class.schema_version:
            raise UnsupportedSchemaVersion(event_type, schema_version, event_class.schema_version)
        for version in range(schema_version, event_class.schema_version):
            data = self._lifted(event_type, version, data)
        try:
            return event_class.model_validate(data)
        except ValidationError as error:
            raise InvalidEvent(f"stored {event_type} does not fit its class: {_fields(error)}") from error

    def _lifted(self, event_type: str, version: int, data: Data) -> Data:
        try:
            return self._upcasters[event_type, version](data)
        except Exception as error:
            raise InvalidEvent(f"stored {event_type} of schema version {version} cannot be lifted") from error

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


def _fields(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
