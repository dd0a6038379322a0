"""Every error the engine raises; what only an HTTP request can do wrong lives in `banyan.entrypoints.http`.

::

    BanyanError
    ├── InvalidStreamId          a name that is not a stream name
    ├── ConcurrencyError         another writer was first
    │   ├── Contention           HTTP: and went on doing so
    │   └── PreconditionFailed   HTTP: and the caller said at which version alone
    ├── CommitTooLarge           more than one transaction can hold
    ├── SignInUnavailable        the console's provider cannot be asked where to sign in
    ├── SnapshotTooLarge         a state that no snapshot can hold
    ├── StoreUnavailable         the database did not answer in time; try again
    │   ├── StoreBusy            other writes of the same items stayed in the way
    │   └── StoreMisconfigured   a table or a permission is missing
    ├── StoreRejected            a request that the database will never accept
    ├── PrimaryChanged           migration: another side is primary than the writer believes
    │   └── LegacyWritesOff      migration: and the legacy system takes no more writes
    ├── Overtaken                migration: a later cutover has begun
    ├── RowRaced                 migration: another transaction wrote the legacy row first
    ├── Diverged                 migration: the stream holds other events than the legacy system says
    ├── UnreadableRow            migration: a legacy row that nothing can be made of until it is put right
    ├── NotRepairable            reconciliation: a difference that no repair of its side can mend
    │   └── Unfoldable           a stream whose events add up to nothing
    ├── RunLost                  reconciliation: another process continued the run
    ├── NotPublished             an event that the bus refuses for good
    ├── StreamCorrupted          a gap or a broken digest in a stream
    ├── EventError               an event that cannot be read
    │   ├── UnknownEventType
    │   ├── UnsupportedSchemaVersion
    │   └── InvalidEvent
    ├── CommandRejected          the domain says no
    │   ├── NotFound
    │   ├── Conflict
    │   │   └── RowParked        migration: the legacy row still lacks what its stream has
    │   └── RowRefused           migration: the legacy system cannot hold what one row is to say
    ├── BatchFailed              most streams of a batch cannot be projected; deliver it again
    ├── TransitionRejected       a projection is in no state that allows this
    │   └── GenerationInUse      a generation that was read until just now
    ├── ProjectionStateChanged   the state of a projection changed meanwhile
    ├── VersionNotReached        a query is ahead of its stream
    ├── ReadModelLagging         a query is ahead of its read model
    ├── ReadModelsApart          rows of several streams show no one moment
    ├── InvalidCursor            a page of another list, or of none
    ├── Unauthorized             HTTP: no verified token
    ├── ForbiddenTenant          HTTP: a token without a tenant
    ├── ForbiddenScope           HTTP: a token without the scope that a route asks for
    ├── BadRequest               HTTP: unreadable
    ├── BodyTooLarge             HTTP
    ├── UnsupportedEncoding      HTTP: a compressed body in another coding than gzip
    ├── InvalidId                HTTP: an id that cannot be part of a stream name
    ├── InvalidText              HTTP: text with a character that not every store can hold
    ├── RequestInProgress        HTTP: the first request with this key still runs
    ├── KeyReused                HTTP: this key came with another request
    └── ConfigurationError       a setting or a domain manifest that does not fit
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from banyan.streams import StreamId


class BanyanError(Exception):
    """Base of every error of the engine."""


class InvalidStreamId(BanyanError, ValueError):
    """A stream name that breaks the rules of ``tenant:entity:id``."""


class ConcurrencyError(BanyanError):
    """The stream is not at the version the writer expected.

    Parameters
    ----------
    stream : StreamId
        The stream that conflicted.
    expected, actual : int
        Version the writer counted on, and version the stream has.
    """

    def __init__(self, stream: StreamId, expected: int, actual: int) -> None:
        super().__init__(f"{stream} is at version {actual}, not {expected}: load it again and decide again")
        self.stream = stream
        self.expected = expected
        self.actual = actual


class CommitTooLarge(BanyanError):
    """A commit that does not fit into one transaction; nothing was written."""


class SnapshotTooLarge(BanyanError):
    """A state of more than a snapshot may hold; nothing was written, and loads fold the events."""


class StoreUnavailable(BanyanError):
    """The database refused or did not answer; the same call with the same commit id may be repeated."""


class StoreBusy(StoreUnavailable):
    """Other writes of the same items stayed in the way; nothing was written."""


class StoreMisconfigured(StoreUnavailable):
    """The deployment lacks a table or a permission; nothing was written."""


class StoreRejected(BanyanError):
    """A request that the database will never accept, such as one with an item that it cannot hold.

    Parameters
    ----------
    reason : str
        What the database calls it, without its text, which may hold values.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the database will never accept this: {reason}")


class PrimaryChanged(BanyanError):
    """Another side is primary than the writer believes: look again and take the new path; nothing was written."""


class LegacyWritesOff(PrimaryChanged):
    """The event store has taken over and the legacy system takes no more writes: use the API; nothing was written."""

    code = "legacy_writes_off"

    def __init__(self) -> None:
        super().__init__("the event store has taken over: the legacy system takes no more writes")


class Overtaken(BanyanError):
    """A later cutover has begun: look again where the migration stands; nothing was changed."""


class RowRaced(BanyanError):
    """Another transaction wrote the legacy row first; nothing was written."""


class Diverged(BanyanError):
    """A stream holds something else at a version than the legacy system says; only a person can find out why.

    Parameters
    ----------
    version : int
        First version that is not as expected.
    """

    def __init__(self, stream: StreamId, version: int) -> None:
        super().__init__(f"{stream} is not what the legacy system says at version {version}: reconcile it")
        self.stream = stream
        self.version = version


class UnreadableRow(BanyanError):
    """A legacy row that cannot be read or expressed as an event; its content is not part of the message.

    Parameters
    ----------
    detail : str
        What is to be put right, for a person.
    field : str, optional
        The first field concerned, in the row's own words.
    """

    code = "row_unreadable"

    def __init__(self, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field


class NotPublished(BanyanError):
    """The event bus refuses an event, now and always."""


class StreamCorrupted(BanyanError):
    """A stream with a gap, a broken digest or half a commit.

    Parameters
    ----------
    stream : StreamId
        The damaged stream.
    version : int
        First version that cannot be trusted.
    reason : str
        What is wrong there.
    """

    def __init__(self, stream: StreamId, version: int, reason: str) -> None:
        super().__init__(f"{stream} is damaged at version {version}: {reason}")
        self.stream = stream
        self.version = version
        self.reason = reason


class EventError(BanyanError):
    """An event that cannot be read."""


class UnknownEventType(EventError):
    """No registered event has this type."""

    def __init__(self, event_type: str) -> None:
        super().__init__(f"unknown event type {event_type!r}: register its class with the domain's EventRegistry")
        self.event_type = event_type


class UnsupportedSchemaVersion(EventError):
    """The event was written by newer code than this."""

    def __init__(self, event_type: str, found: int, supported: int) -> None:
        super().__init__(
            f"{event_type} has schema version {found}, this code reads up to {supported}: deploy the newer code"
        )
        self.event_type = event_type
        self.found = found
        self.supported = supported


class InvalidEvent(EventError):
    """A stored event whose data does not fit its class."""


class CommandRejected(BanyanError):
    """The domain refuses a command.

    Parameters
    ----------
    code : str
        Stable, machine-readable, ``snake_case``.
    detail : str
        A sentence for a person.
    field : str, optional
        The input the rejection is about, in its API spelling.
    """

    def __init__(self, code: str, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.field = field


class NotFound(CommandRejected):
    """The thing the command or query is about does not exist."""


class Conflict(CommandRejected):
    """The state of the thing does not allow the command."""


class RowParked(Conflict):
    """The legacy system is primary, and the row of a stream still lacks what was promised while events were primary."""

    def __init__(self, stream: StreamId, reason: str) -> None:
        super().__init__("row_parked", f"the legacy row of {stream} lacks what its stream has: {reason}")


class RowRefused(CommandRejected):
    """The legacy system cannot hold what one row is to say; nothing was written.

    Parameters
    ----------
    reason : str
        What the driver calls it, without any content of the row.
    field : str, optional
        Where in the row, as far as that is known.
    value : object
        What stands there, to find it in a command; part of no message.
    """

    def __init__(self, reason: str, field: str | None = None, value: object = None) -> None:
        where = f"put {field} right" if field else "put the row right"
        super().__init__("legacy_refused", f"the legacy system cannot hold this ({reason}): {where}", field)
        self.reason = reason
        self.value = value


class BatchFailed(BanyanError):
    """Most streams of a batch failed, which is not their events' fault: the whole batch is to be tried again."""


class TransitionRejected(BanyanError):
    """A projection is not in a state that allows this; nothing was changed."""


class GenerationInUse(TransitionRejected):
    """A generation was read until just now, and readers may hold on to it for a moment: try again soon."""


class ProjectionStateChanged(BanyanError):
    """The state of a projection has changed since it was read: read it again and decide again."""

    def __init__(self, projection: str) -> None:
        super().__init__(f"the state of {projection!r} has changed meanwhile: look at it again")
        self.projection = projection


class VersionNotReached(BanyanError):
    """A query asked for a version that the stream does not have yet.

    Parameters
    ----------
    stream : StreamId
        The stream that was asked for.
    expected, actual : int
        Version asked for, and version the stream has.
    """

    def __init__(self, stream: StreamId, expected: int, actual: int) -> None:
        super().__init__(f"{stream} is at version {actual}, not yet at {expected}: ask again later")
        self.stream = stream
        self.expected = expected
        self.actual = actual


class ReadModelsApart(BanyanError):
    """Rows of several streams, brought up to date one by one, have not come to show one moment."""


class ReadModelLagging(BanyanError):
    """Rows do not show yet what a query asked for, and no fold can stand in.

    Many streams share them, or the query is not to read events.

    Parameters
    ----------
    stream : StreamId
        The stream that is not applied far enough.
    expected, actual : int
        Version asked for, and version up to which the stream is applied.
    """

    def __init__(self, projection: str, stream: StreamId, expected: int, actual: int) -> None:
        super().__init__(
            f"read model {projection} shows {stream} up to version {actual}, not yet to {expected}: ask again"
        )
        self.projection = projection
        self.stream = stream
        self.expected = expected
        self.actual = actual


class InvalidCursor(BanyanError, ValueError):
    """A cursor that is damaged or belongs to another list."""


class ConfigurationError(BanyanError):
    """A setting or a domain manifest that does not fit."""
