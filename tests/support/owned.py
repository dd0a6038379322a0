"""Projections of rows that accounts own, and what a naive fold makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tests.support.ledger import Deposited
from tests.support.projections import Ledger, signed

from banyan.events import CamelModel, Event
from banyan.projections.base import AnyRowsProjection, Lookup, RowsProjection
from banyan.projections.memory import MemoryViews
from banyan.projections.views import Generation
from banyan.streams import StreamId

HOUR = timedelta(hours=1)


class Running(CamelModel):
    """A balance."""

    balance: int = 0


class Line(CamelModel):
    """A movement, and the balance behind it."""

    amount: int
    balance: int


class Window(CamelModel):
    """The amounts in a window, in their order, and when the last one was recorded."""

    amounts: tuple[int, ...]
    last: datetime


class Tick(CamelModel):
    """How often something was counted."""

    count: int


def _line(state: Running, _rows: Mapping[str, Line], event: Event) -> tuple[Running, Mapping[str, Line | None]]:
    """Each movement adds a line; one of 9 also takes the line before it back."""
    amount = signed(event.payload)
    running = Running(balance=state.balance + amount)
    line = {line_sort(event.version): Line(amount=amount, balance=running.balance)}
    return running, {line_sort(event.version - 1): None, **line} if amount == 9 else line


def line_sort(version: int) -> str:
    """Where the line of an event lies."""
    return f"{version:06d}"


def _windows_of(state: Running, _event: Event) -> Iterable[str]:
    return [f"w{state.balance % 3}"]


def _window(state: Running, rows: Mapping[str, Window], event: Event) -> tuple[Running, Mapping[str, Window | None]]:
    """Each movement goes into the window of the balance before it; one of 5 removes that window."""
    amount, (name,) = signed(event.payload), _windows_of(state, event)
    before = rows[name].amounts if name in rows else ()
    window = None if amount == 5 else Window(amounts=(*before, amount), last=event.timestamp)
    return Running(balance=state.balance + amount), {name: window}


def _ticked(_state: Running, event: Event) -> Iterable[str]:
    return [f"{number:04d}" for number in range(abs(signed(event.payload)))]


def _tick(state: Running, rows: Mapping[str, Tick], event: Event) -> tuple[Running, Mapping[str, Tick | None]]:
    """A deposit of n counts the first n ticks on; a withdrawal removes as many."""
    sorts, up = _ticked(state, event), isinstance(event.payload, Deposited)
    ticks = {each: Tick(count=rows[each].count + 1 if each in rows else 1) if up else None for each in sorts}
    return Running(balance=state.balance + 1), ticks


STATEMENT: RowsProjection[Running, Line] = RowsProjection(
    "statement",
    "account",
    Running,
    Running,
    Line,
    _line,
    lookups=[Lookup("amounts", lambda line: f"{line.amount}", lambda line: f"{line.balance:09d}")],
)
WINDOWS: RowsProjection[Running, Window] = RowsProjection(
    "windows", "account", Running, Running, Window, _window, _windows_of, expires=lambda window: window.last + HOUR
)
LASTING = replace(WINDOWS, name="lasting", expires=lambda each: each.last + HOUR if len(each.amounts) < 2 else None)
"""Windows that stay for good once they hold two movements."""
TICKS: RowsProjection[Running, Tick] = RowsProjection("ticks", "account", Running, Running, Tick, _tick, _ticked)
OWNED: tuple[AnyRowsProjection, ...] = (STATEMENT, WINDOWS, TICKS)


class Held(Running):
    """A balance, and the newest line, which is not a row yet."""

    version: int = 0
    line: Line | None = None

    @property
    def rows(self) -> Mapping[str, Line]:
        return {line_sort(self.version): self.line} if self.line else {}


def _held(state: Held, _rows: Mapping[str, Line], event: Event) -> tuple[Held, Mapping[str, Line]]:
    """Each movement adds a line, which becomes a row with the next one."""
    amount = signed(event.payload)
    line = Line(amount=amount, balance=state.balance + amount)
    return Held(balance=line.balance, version=event.version, line=line), state.rows


HELD = RowsProjection("held", "account", Held, Held, Line, _held, open_rows=lambda state: state.rows)


class OwnedLedger(Ledger):
    """Accounts, and projections whose rows they own."""

    def __init__(self, *projections: AnyRowsProjection, **given: Any) -> None:
        super().__init__(**given)
        self.use(*projections or OWNED)

    def use(self, *projections: AnyRowsProjection) -> None:
        """Let new code run."""
        self.projections = projections
        self.cached = type(self.cached)(self.projection_states, [each.name for each in projections], 0)
        self.runner = self.make_runner()


class SweptViews(MemoryViews):
    """Rows in memory, of which some are deleted as DynamoDB deletes them: at any time after they are gone."""

    def sweep(self, moment: datetime) -> None:
        """Delete what is gone."""
        for streams in self._owned.values():
            for stream, rows in streams.items():
                streams[stream] = {sort: row for sort, row in rows.items() if not row.gone(moment)}


def naive(projection: AnyRowsProjection, events: Iterable[Event], moment: datetime) -> tuple[Any, dict[str, Any]]:
    """What is carried behind some events, and the rows by sort, held ones too, that have not expired at a moment."""
    state, rows = projection.initial(), dict[str, Any]()
    for event in events:
        rows = _unexpired(projection, rows, event.timestamp)
        wanted = projection.keys(state, event) if projection.keys else ()
        state, changed = projection.apply(state, {sort: rows[sort] for sort in wanted if sort in rows}, event)
        rows = {sort: row for sort, row in {**rows, **changed}.items() if row is not None}
    held = projection.open_rows(state) if projection.open_rows else {}
    return state, _unexpired(projection, {**rows, **held}, moment)


def _unexpired(projection: AnyRowsProjection, rows: Mapping[str, Any], moment: datetime) -> dict[str, Any]:
    if projection.expires is None:
        return dict(rows)
    return {sort: row for sort, row in rows.items() if (ends := projection.expires(row)) is None or ends > moment}


def shown(
    ledger: Ledger, projection: AnyRowsProjection, stream: StreamId, generation: int = 1
) -> tuple[Any, dict[str, Any]]:
    """What is carried in the table, and the rows by sort that have not expired."""
    place = Generation(projection.name, generation)
    carried = ledger.views.states(place, [stream]).get(stream)
    rows = {
        row.sort: projection.row.model_validate_json(row.content)
        for row in ledger.views.list_owned(place, stream)
        if not row.expired(ledger.clock.now)
    }
    return projection.state.model_validate_json(carried.state) if carried else projection.initial(), rows


def assert_folded(ledger: Ledger, streams: Iterable[StreamId], *, to_end: bool = True, generation: int = 1) -> None:
    """Expect every projection to hold a fold of its streams: of all events, or of those up to its checkpoint."""
    for projection in ledger.projections:
        assert isinstance(projection, RowsProjection)
        reached = ledger.views.states(Generation(projection.name, generation), list(streams))
        for stream in streams:
            carried = reached.get(stream)
            assert carried is None or not carried.unfinished
            events = list(ledger.store.read(stream))
            upto = len(events) if to_end else carried.version if carried else 0
            expected = naive(projection, events[:upto], ledger.clock.now)
            assert shown(ledger, projection, stream, generation) == expected, f"{projection.name} of {stream}"
