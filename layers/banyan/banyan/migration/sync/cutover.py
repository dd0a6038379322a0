"""The turn: the lead changes hands, and no write is caught in between."""

from __future__ import annotations

from typing import Final, Protocol

from banyan.errors import LeaderMoved, Overtaken, StoreUnavailable
from banyan.migration.stores.legacy import AnyRepository
from banyan.migration.sync.relay import Relay
from banyan.migration.writes.event_led import Follower
from banyan.migration.writes.half_done import Owner
from banyan.migration.writes.legacy_led import LegacyLed
from banyan.migration.writes.parked import Parked
from banyan.migration.writes.primary import Leader, token
from banyan.migration.writes.primary_dynamodb import DynamoDBLead

PAGE: Final = 500


class Turn(Protocol):
    """Hands over the lead. Every step may be repeated, so a turn that was cut short is made again.

    Several processes may make the same turn at once, and others an earlier or a later one: each store refuses whoever
    comes with a lower token than it has met.
    """

    def to(self, leader: Leader, turn: int) -> None:
        """Hand over to a leader.

        Raises
        ------
        Overtaken
            A later turn has begun.
        StoreUnavailable
            One side is not up to date yet; writes wait until it is made again or reversed.
        """

    def back_to(self, leader: Leader, turn: int) -> None:
        """Give back the lead to the one who had it. Raises as ``to``."""


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
    parked : Parked
    """

    def __init__(
        self,
        repository: AnyRepository,
        lead: DynamoDBLead,
        led: LegacyLed,
        relay: Relay,
        follower: Follower,
        parked: Parked,
    ) -> None:
        self._repository = repository
        self._lead = lead
        self._led = led
        self._relay = relay
        self._follower = follower
        self._parked = parked

    def to(self, leader: Leader, turn: int) -> None:
        """As in ``Turn``."""
        if leader is Leader.EVENTS:
            self._to_events(turn, align=True)
        else:
            self._from_events(leader, turn)

    def back_to(self, leader: Leader, turn: int) -> None:
        """As in ``Turn``; rows that were written directly are left to the next command."""
        if leader is Leader.EVENTS:
            self._to_events(turn, align=False)
        else:
            self._from_events(leader, turn)

    def _to_events(self, turn: int, *, align: bool) -> None:
        if self._repository.hand_over(Leader.NOBODY, token(turn)):
            if align:
                self._align_all()
            _expect_nothing_left(self._relay.all(), "entries of the outbox")
        self._lead.put(Leader.EVENTS, token(turn, done=True))
        self._repository.hand_over(Leader.EVENTS, token(turn, done=True))

    def _align_all(self) -> None:
        try:
            while streams := self._repository.unaligned(PAGE):
                for stream in streams:
                    self._led.align(stream, Leader.NOBODY)
        except LeaderMoved as error:
            raise Overtaken("somebody else has made the turn meanwhile") from error

    def _from_events(self, leader: Leader, turn: int) -> None:
        """Stop appends, let the rows follow to the end, and only then begin with another leader.

        A row that cannot follow stays parked and stops no other: no command changes it while the legacy system leads.
        """
        self._lead.put(Leader.NOBODY, token(turn))
        if self._repository.hand_over(Leader.EVENTS, token(turn)):
            _expect_nothing_left(self._follower.all() - len(self._parked.of(Owner.FOLLOWER)), "streams")
        self._repository.hand_over(leader, token(turn, done=True))
        self._lead.put(leader, token(turn, done=True))


class PairedTurn:
    """The turn of a legacy system that shares its transactions: both sides are equal at any time."""

    def __init__(self, lead: DynamoDBLead) -> None:
        self._lead = lead

    def to(self, leader: Leader, turn: int) -> None:
        """As in ``Turn``."""
        self._lead.put(leader, token(turn, done=True))

    def back_to(self, leader: Leader, turn: int) -> None:
        """As in ``Turn``."""
        self._lead.put(leader, token(turn, done=True))


def _expect_nothing_left(count: int, what: str) -> None:
    if count > 0:
        raise StoreUnavailable(f"the turn waits for {count} {what} that the other side does not have yet")
