"""Whether going back would lose nothing: every row compared with its stream, a slice at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from banyan.confirm import LOOKS, confirm
from banyan.errors import Conflict
from banyan.events import CamelModel
from banyan.jobs import Job
from banyan.migration.documents import MigrationDocuments
from banyan.migration.stores.adapter import AnyAdapter
from banyan.migration.stores.legacy import AnyRepository, AnyRow, BadRow, FoundRow, LegacyRow
from banyan.migration.stores.rows import key_at, nameable, place_of
from banyan.migration.sync.contents import fold_row
from banyan.migration.writes.parked import is_of_one_row, reason_of
from banyan.reconciliation.content import canonical, differing
from banyan.store import EventStore
from banyan.store.eventstore import Clock
from banyan.streams import StreamId

SLICE: Final = 100
SECONDS: Final = 8.0
"""How long the maker of a step waits for the rows to be compared."""
AT_ONCE: Final = 8
"""Streams that are read side by side."""
NAMED: Final = 10
OVERTAKEN: Final = "overtaken"
UNKNOWN: Final = "not known to its stream: run the backfill"


class RowDifference(CamelModel):
    """A row that is not what its stream says, and how."""

    stream: str
    what: str

    def __str__(self) -> str:
        return f"{self.stream} is {self.what}"


class VerificationPass(CamelModel):
    """One walk over all rows. It does not continue after a slice with differences in it.

    Parameters
    ----------
    after : str, optional
        The last row that was compared.
    rows : int
        Rows that equal what their streams say.
    digest : str
        sha256 over the digest before and the canonical JSON of each row in turn; both sides have the same.
    differences : tuple[RowDifference, ...]
        In the slice where it stands.
    """

    begun_at: datetime
    after: str | None = None
    rows: int = 0
    digest: str = ""
    differences: tuple[RowDifference, ...] = ()
    ended_at: datetime | None = None

    @property
    def stopped(self) -> bool:
        """Whether it does not continue by itself."""
        return self.ended_at is not None or bool(self.differences)


class VerificationPasses(CamelModel):
    """The walk that is under way, and the last one that came to its end."""

    current: VerificationPass
    last: VerificationPass | None = None

    def proof(self, since: datetime | None) -> VerificationPass | None:
        """The newest walk that ended and was begun since a moment."""
        ended = (each for each in (self.current, self.last) if each and each.ended_at)
        return next((each for each in ended if since is None or each.begun_at >= since), None)


class RowVerification:
    """Compares rows with their streams.

    Parameters
    ----------
    settle : Callable[[StreamId], Any]
        Completes what is half done on one stream.
    documents : MigrationDocuments
        Where the place is kept.
    ticks : Callable[[], float]
        Seconds that only go forward.
    """

    def __init__(
        self,
        repository: AnyRepository,
        store: EventStore,
        adapter: AnyAdapter,
        settle: Callable[[StreamId], Any],
        documents: MigrationDocuments,
        clock: Clock,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._repository = repository
        self._store = store
        self._adapter = adapter
        self._settle = settle
        self._clock = clock
        self._ticks = ticks
        self._document = documents.of("verification", VerificationPasses)

    def known(self) -> VerificationPasses | None:
        """How far it has come. Raises ``StoreUnavailable``."""
        return self._document.read()

    def go_on(self, rows: int, since: datetime | None, *, again: bool = False) -> VerificationPasses:
        """Compare some rows, on a walk that was begun since a moment.

        Parameters
        ----------
        again : bool
            Even if a walk ended just now.

        Raises
        ------
        Conflict
            ``overtaken``: another process continues it.
        StoreUnavailable
        """
        known = self._document.read()
        begun = passes = self._open(known, since, again)

        def keep(passes: VerificationPasses, /, *, instead_of: VerificationPasses) -> VerificationPasses:
            return self._document.save(passes, instead_of=known if instead_of is begun else instead_of)

        job = Job(lambda passes: [self._slice(passes)], keep, lambda passes: passes.current.stopped)
        for passes in job.places(begun):
            if passes.current.rows >= begun.current.rows + rows:
                break
        return passes

    def evidence(self, since: datetime | None, *, again: bool = False) -> Mapping[str, Any]:
        """Expect that every row was equal to its stream since a moment, and say what was compared.

        Raises
        ------
        Conflict
            ``would_lose``, naming rows and fields; ``not_verified_yet``: ask again.
        StoreUnavailable
        """
        deadline = self._ticks() + SECONDS
        passes = self._gone_on(since, deadline, again)
        while not passes.current.stopped and self._ticks() < deadline:
            passes = self._gone_on(since, deadline)
        self._expect_equal(passes.current)
        proof = passes.proof(since)
        if proof is None:
            done, total = passes.current.rows, self._repository.count()
            detail = f"{done} of about {total} rows are compared with their streams: ask again"
            raise Conflict("not_verified_yet", detail)
        return proof.model_dump(mode="json", by_alias=True, include={"begun_at", "ended_at", "rows", "digest"})

    def _gone_on(self, since: datetime | None, deadline: float, again: bool = False) -> VerificationPasses:
        """A slice more, as ``go_on``; another process that compares the same rows meanwhile is followed."""
        while True:
            try:
                return self.go_on(SLICE, since, again=again)
            except Conflict as conflict:
                if conflict.code != OVERTAKEN or self._ticks() >= deadline:
                    raise

    def _expect_equal(self, current: VerificationPass) -> None:
        if current.differences:
            named = "; ".join(map(str, current.differences[:NAMED]))
            raise Conflict("would_lose", f"going back from there would lose something: {named}")

    def _open(self, known: VerificationPasses | None, since: datetime | None, again: bool) -> VerificationPasses:
        """The walk that is under way, or ended just now; a new one, when that was begun too early to say anything."""
        if known is None:
            return VerificationPasses(current=VerificationPass(begun_at=self._clock()))
        current = known.current
        if not again and known.proof(since) is current and self._ended_just_now(current):
            return known
        if not current.ended_at and (since is None or current.begun_at >= since):
            return VerificationPasses(current=current.model_copy(update={"differences": ()}), last=known.last)
        last = current if current.ended_at else known.last
        return VerificationPasses(current=VerificationPass(begun_at=self._clock()), last=last)

    def _ended_just_now(self, each: VerificationPass) -> bool:
        """Whether it ended no longer ago than a walk may take."""
        return each.ended_at is not None and self._clock() - each.ended_at <= timedelta(seconds=SECONDS)

    def _slice(self, passes: VerificationPasses) -> VerificationPasses:
        after = passes.current.after
        rows = list(self._repository.scan(key_at(after) if after else None, SLICE))
        seen: Mapping[int, str] = {}

        def look(places: Sequence[int]) -> Mapping[int, str]:
            nonlocal seen
            with ThreadPoolExecutor(AT_ONCE) as pool:
                found = list(pool.map(self._look, [rows[place] for place in places]))
            seen = {place: what for place, what in zip(places, found, strict=True) if what}
            return seen

        def settle() -> None:
            for place, what in seen.items():
                rows[place] = self._settled(rows[place], what)

        confirmed = confirm(look, range(len(rows)), settle, most=LOOKS)
        differences = {**confirmed.standing, **confirmed.moving}
        looks = [(row, differences.get(place, "")) for place, row in enumerate(rows)]
        return VerificationPasses(current=self._moved_on(passes.current, looks), last=passes.last)

    def _moved_on(self, current: VerificationPass, looks: Sequence[tuple[FoundRow, str]]) -> VerificationPass:
        found = tuple(RowDifference(stream=_name(row), what=what) for row, what in looks if what)
        if found or not looks:
            return current.model_copy(update={"differences": found, "ended_at": None if found else self._clock()})
        digest = current.digest
        for row in (row for row, _ in looks if isinstance(row, LegacyRow)):
            digest = sha256(digest.encode() + canonical(row.data.model_dump())).hexdigest()
        after, rows = place_of(looks[-1][0]), current.rows + len(looks)
        return current.model_copy(update={"after": after, "rows": rows, "digest": digest})

    def _settled(self, row: FoundRow, found: str) -> FoundRow:
        """A row once nothing of its stream is on its way, if that can change anything."""
        stream = nameable(key_at(place_of(row)), self._adapter.entity)
        if found == UNKNOWN or stream is None:
            return row
        self._settle(stream)
        return self._repository.rows([stream]).get(stream, row)

    def _look(self, row: FoundRow) -> str:
        """How a row differs from its stream; whatever keeps it from being compared is a difference too."""
        if isinstance(row, BadRow):
            return f"not compared: {row.why}"
        if not row.in_sync:
            return UNKNOWN
        try:
            return self._difference(row)
        except Exception as error:
            if not is_of_one_row(error):
                raise
            return f"not compared: {reason_of(error)}"

    def _difference(self, row: AnyRow) -> str:
        events = list(self._store.read(row.stream))
        version = events[-1].version if events else 0
        if version != row.stream_version:
            return f"at version {row.stream_version}, and its stream at {version}"
        fields = differing(fold_row(self._adapter, events).model_dump(), row.data.model_dump())
        return f"not what its stream says: {', '.join(field.name for field in fields)}" if fields else ""


def _name(row: FoundRow) -> str:
    return str(row if isinstance(row, BadRow) else row.stream)
