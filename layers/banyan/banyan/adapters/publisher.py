"""Domain events on the bus, for whoever listens outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import orjson

from banyan.adapters.claims import ClaimChecks
from banyan.adapters.event_bus import SOURCE, Entry, EventBus
from banyan.domain import Domain
from banyan.events import Event
from banyan.store import Commit

PAYLOAD: Final = "payload"
CLAIM: Final = "claim"


class EventPublisher:
    """The effect that publishes every event, at least once; listeners tell repeats by ``eventId``.

    The detail-type is the event's type, the detail the whole event. One that is too large carries a claim instead of
    its payload.

    Parameters
    ----------
    bus : EventBus
    claims : ClaimChecks
    domain : Domain
        Events come from ``banyan.<name>`` of the domain, or part of one, that their entity belongs to.
    """

    def __init__(self, bus: EventBus, claims: ClaimChecks, domain: Domain) -> None:
        self._bus = bus
        self._claims = claims
        self._domain = domain

    def act(self, commit: Commit, events: Sequence[Event]) -> None:  # noqa: ARG002
        """As in ``Effect``. Raises ``NotPublished`` for an event that the bus will never accept."""
        self._bus.put([self._entry(event) for event in events])

    def _entry(self, event: Event) -> Entry:
        content = event.model_dump_json(by_alias=True).encode()
        source = f"{SOURCE}.{self._domain.owner(event.stream_id.entity)}"
        whole = Entry(event.event_type, content, source, event.timestamp)
        if whole.size <= self._bus.entry_bytes:
            return whole
        return Entry(event.event_type, self._claimed(event, content), source, event.timestamp)

    def _claimed(self, event: Event, content: bytes) -> bytes:
        claim = self._claims.keep(event, content)
        detail = event.model_dump(mode="json", by_alias=True, exclude={PAYLOAD})
        return orjson.dumps(detail | {CLAIM: claim.model_dump(mode="json", by_alias=True)})
