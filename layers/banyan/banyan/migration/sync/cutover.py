"""The cutover: the primary changes, and no write is caught in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from banyan.errors import Overtaken, PrimaryChanged, StoreUnavailable
from banyan.migration.stores.legacy import AnyRepository
from banyan.migration.sync.backlog import LegacySync
from banyan.migration.sync.relay import Relay
from banyan.migration.writes.legacy_led import LegacyLed
from banyan.migration.writes.parked import Owner, Parked
from banyan.migration.writes.primary import DynamoDBPrimary, Primary, fencing_token

PAGE: Final = 500


class Cutover(Protocol):
    """Changes the primary. Every step may be repeated, so a cutover that was cut short is made again.

    Several processes may make the same cutover at once, and others an earlier or a later one: each store refuses a
    lower fencing token than it has met.
    """

    def to(self, primary: Primary, cutover: int) -> None:
        """Make a side the primary.

        Raises
        ------
        Overtaken
            A later cutover has begun.
        StoreUnavailable
            One side is not up to date yet; writes wait until it is made again or reversed.
        """

    def back_to(self, primary: Primary, cutover: int) -> None:
        """Make the side primary again that was before. Raises as ``to``."""


@dataclass(eq=False)
class OutboxCutover:
    """The cutover of a legacy system with an outbox of its own.

    A cutover stops the side that was primary, brings the other one up to date, and makes that one the primary. Writes
    that come meanwhile wait.

    Parameters
    ----------
    repository : LegacyRepository
        Holds the primary that legacy transactions check.
    primary : DynamoDBPrimary
        Holds the primary that appends check.
    """

    repository: AnyRepository
    primary: DynamoDBPrimary
    led: LegacyLed
    relay: Relay
    legacy_sync: LegacySync
    parked: Parked

    def to(self, primary: Primary, cutover: int) -> None:
        if primary is Primary.EVENTS:
            self._to_events(cutover, import_row=True)
        else:
            self._from_events(primary, cutover)

    def back_to(self, primary: Primary, cutover: int) -> None:
        """Rows that were written directly are left to the next command."""
        if primary is Primary.EVENTS:
            self._to_events(cutover, import_row=False)
        else:
            self._from_events(primary, cutover)

    def _to_events(self, cutover: int, *, import_row: bool) -> None:
        if self.repository.transfer(Primary.NONE, fencing_token(cutover)):
            if import_row:
                self._import_all()
            _expect_nothing_left(self.relay.all(), "entries of the outbox")
        self.primary.put(Primary.EVENTS, fencing_token(cutover, done=True))
        self.repository.transfer(Primary.EVENTS, fencing_token(cutover, done=True))

    def _import_all(self) -> None:
        try:
            while streams := self.repository.out_of_sync(PAGE):
                for stream in streams:
                    self.led.import_row(stream, Primary.NONE)
        except PrimaryChanged as error:
            raise Overtaken("another process has made the cutover meanwhile") from error

    def _from_events(self, primary: Primary, cutover: int) -> None:
        """Stop appends, let the rows follow to the end, and only then begin with another primary.

        A row that cannot follow stays parked and stops no other: no command changes it until then.
        """
        self.primary.put(Primary.NONE, fencing_token(cutover))
        if self.repository.transfer(Primary.EVENTS, fencing_token(cutover)):
            _expect_nothing_left(self.legacy_sync.all() - len(self.parked.of(Owner.LEGACY_SYNC)), "streams")
        self.repository.transfer(primary, fencing_token(cutover, done=True))
        self.primary.put(primary, fencing_token(cutover, done=True))


class TransactionalCutover:
    """The cutover of a legacy system that shares its transactions: both sides are equal at any time."""

    def __init__(self, primary: DynamoDBPrimary) -> None:
        self._primary = primary

    def to(self, primary: Primary, cutover: int) -> None:
        self._primary.put(primary, fencing_token(cutover, done=True))

    def back_to(self, primary: Primary, cutover: int) -> None:
        self._primary.put(primary, fencing_token(cutover, done=True))


def _expect_nothing_left(count: int, what: str) -> None:
    if count > 0:
        raise StoreUnavailable(f"the cutover waits for {count} {what} that the other side does not have yet")
