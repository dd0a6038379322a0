"""The turn: the lead changes hands, and no write is caught in between."""

from __future__ import annotations

from typing import Final, Protocol

from banyan.errors import StoreUnavailable
from banyan.migration.event_led import Follower
from banyan.migration.lead import Leader
from banyan.migration.lead_dynamodb import DynamoDBLead
from banyan.migration.legacy import AnyRepository
from banyan.migration.legacy_led import LegacyLed
from banyan.migration.relay import Relay

PAGE: Final = 500


class Turn(Protocol):
    """Hands over the lead. Every step may be repeated, so a turn that was cut short is made again."""

    def to(self, leader: Leader) -> None:
        """Hand over to a leader.

        Raises
        ------
        StoreUnavailable
            One side is not up to date yet; writes wait until it is made again or given back.
        """

    def back_to(self, leader: Leader) -> None:
        """Give back the lead to the one who had it."""


class OutboxTurn:
    """The turn of a legacy system that leads with its own transactions.

    A turn stops the side that led, brings the other one up to date, and then lets that one lead. Writes that come
    meanwhile wait.

    Parameters
    ----------
    repository : LegacyRepository
        Holds the lead that legacy transactions check.
    lead : DynamoDBLead
        Holds the lead that appends check.
    led : LegacyLed
    relay : Relay
    follower : Follower
    """

    def __init__(
        self, repository: AnyRepository, lead: DynamoDBLead, led: LegacyLed, relay: Relay, follower: Follower
    ) -> None:
        self._repository = repository
        self._lead = lead
        self._led = led
        self._relay = relay
        self._follower = follower

    def to(self, leader: Leader) -> None:
        """As in ``Turn``."""
        {Leader.EVENTS: self._to_events, Leader.LEGACY: self._to_legacy, Leader.OFF: self._to_off}[leader]()

    def back_to(self, leader: Leader) -> None:
        """As in ``Turn``."""
        self._lead.put(leader)
        self._repository.hand_over(leader)

    def _to_events(self) -> None:
        self._repository.hand_over(Leader.NOBODY)
        while streams := self._repository.unaligned(PAGE):
            for stream in streams:
                self._led.align(stream, Leader.NOBODY)
        _expect_nothing_left(self._relay.all(), "entries of the outbox")
        self._lead.put(Leader.EVENTS)
        self._repository.hand_over(Leader.EVENTS)

    def _to_legacy(self) -> None:
        self._lead.put(Leader.NOBODY)
        _expect_nothing_left(self._follower.all(), "streams")
        self._repository.hand_over(Leader.LEGACY)
        self._lead.put(Leader.LEGACY)

    def _to_off(self) -> None:
        self._lead.put(Leader.OFF)
        _expect_nothing_left(self._follower.all(), "streams")
        self._repository.hand_over(Leader.OFF)


class PairedTurn:
    """The turn of a legacy system that shares its transactions: both sides are equal at any time."""

    def __init__(self, lead: DynamoDBLead) -> None:
        self._lead = lead

    def to(self, leader: Leader) -> None:
        """As in ``Turn``."""
        self._lead.put(leader)

    def back_to(self, leader: Leader) -> None:
        """As in ``Turn``."""
        self._lead.put(leader)


def _expect_nothing_left(count: int, what: str) -> None:
    if count:
        raise StoreUnavailable(f"the turn waits for {count} {what} that the other side does not have yet")
