"""What the API says, as tables and sentences for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

Json = Mapping[str, Any]

MOMENTS: Final = frozenset({"startedAt", "changedAt", "parkedAt", "due", "since", "at", "arrivedAt"})
WHEN_RETRIED: Final = "when retried"
SHOWN: Final = 50


def projections(found: Json) -> Table:
    """Every projection in a line."""
    table = titled("Projections", "projection", "status", "live", "lag (events)", "lag (ms)", "parked")
    for each in found["projections"]:
        lag = each["lag"]
        row = (each["projection"], each["status"], each["live"], _lag(lag), lag["milliseconds"], _parked(each))
        table.add_row(*map(str, row))
    return table


def standing(found: Iterable[Json]) -> Table:
    """How projections stand, by an overview: each in a line."""
    table = titled("Projections", "projection", "status", "lag (events)", "lag (ms)", "parked", "rebuild")
    for each in found:
        lag, parked = each["lag"], _at_least(each["parked"], each["parkedComplete"])
        row = (each["projection"], each["status"], _lag(lag), lag["milliseconds"], parked, each["rebuild"] or "")
        table.add_row(*map(str, row))
    return table


def projection(found: Json) -> list[RenderableType]:
    """All about one projection."""
    shown: list[RenderableType] = [projections({"projections": [found]})]
    if found["pause"]:
        pause = found["pause"]
        shown.append(Text(f"Paused by {pause['by']} since {moment(pause['since'])}: {pause['reason']}"))
    if found["status"] == "outdated":
        shown.append(
            Text(f"An older version made its rows: ./banyan projections rebuild {found['projection']} --switch")
        )
    shown.append(rows("Generations", found["generations"], "number", "stage", "version", "startedAt", "changedAt"))
    if found["parked"]:
        shown.append(parked(found["parked"]))
    return shown


def parked(found: Iterable[Json]) -> Table:
    """Streams that wait for a retry."""
    names = ("stream", "generation", "version", "error", "attempts", "parkedAt", "nextTry")
    return rows("Parked streams", [{**each, "nextTry": each["nextTry"] or WHEN_RETRIED} for each in found], *names)


def resumed(name: str, found: Json) -> list[RenderableType]:
    """What a projection made up for."""
    table = rows("Caught up", found["generations"], "generation", "commits", "healed", "complete", "error")
    unfinished = [each for each in found["generations"] if not each["complete"]]
    rest = "The scheduled catch-up continues with the rest." if unfinished else f"{name} is up to date."
    return [table, Text(rest)]


def preview(found: Json) -> Table:
    """What a rebuild will cost."""
    table = Table("", "", title=f"A rebuild of {found['projection']}", show_header=False)
    table.add_row("streams, events, rows", f"{found['streams']:,}, {found['events']:,}, {found['rows']:,}")
    table.add_row("read units", f"{found['readUnits']:,.0f}")
    table.add_row("write units", f"{found['writeUnits']:,.0f}")
    table.add_row("price", f"{found['price']:.4f}")
    table.add_row("time", f"{found['seconds']:,.0f} s at the write rate")
    table.add_row(
        "estimated from",
        f"{counted(found['sampled'], 'stream')}, {found['walked']} of {found['parts']} parts of the log",
    )
    table.add_row("bounds", f"± {found['margin']:.0%}" if found["complete"] else "at least that: the log is long")
    return table


def progress(found: Json) -> list[RenderableType]:
    """How far a rebuild has come, and what it found."""
    total = "?" if found["total"] is None else f"{found['total']:,}"
    shown: list[RenderableType] = [
        Text(
            f"Generation {found['generation']} of {found['projection']} is {found['stage']} ({found['phase']}): "
            f"{found['streams']:,} of {total} streams, {counted(found['events'], 'event')}, "
            f"{counted(found['compared'], 'row')} compared, {found['different']:,} differ, "
            f"{counted(found['failed'], 'failed stream')}."
        )
    ]
    if found["first"]:
        shown.append(Text("The projection is new: what its live rows still lack does not count as a difference."))
    if found["stuck"]:
        shown.append(rows("Streams that failed", found["stuck"], "stream", "version", "error"))
    if found["differences"] and not found["first"]:
        shown.append(rows("Differences", found["differences"], "row", "fields"))
    return shown


def deadlines(found: Json) -> list[RenderableType]:
    """Deadlines that are due, wait for their time or were put aside."""
    overdue, waiting, named = found["overdue"], found["waiting"], ("stream", "name", "due", "attempts", "error")
    number = _at_least(len(waiting), found["complete"])
    shown: list[RenderableType] = [Text(f"{counted(found['due'], 'deadline')} due now, {number} waiting.")]
    if overdue:
        shown.append(rows("Due deadlines", overdue[:SHOWN], *named))
    if waiting:
        shown.append(rows("Waiting deadlines", waiting[:SHOWN], *named))
    if len(waiting) > SHOWN:
        shown.append(Text(f"… and {counted(len(waiting) - SHOWN, 'later one')}: see --json."))
    if found["parked"]:
        shown.append(rows("Parked deadlines", found["parked"], "stream", "name", "command", *named[2:]))
    return [*shown, *([] if found["parkedComplete"] else [Text("… and more parked ones.")])]


def parked_records(found: Json) -> list[RenderableType]:
    """Records of a stream that were refused."""
    named = ("code", "reason", "stream", "shard", "sequenceNumber", "arrivedAt", "bytes", "batchSize")
    shown: list[RenderableType] = [Text(f"{counted(found['waiting'], 'message')} waiting.")]
    return [*shown, *([rows("Parked records", found["records"], *named)] if found["records"] else [])]


def put_back(found: Json, code: str | None = None) -> list[RenderableType]:
    """What became of records that were to be ingested again; of one code, if it is given."""
    if code and not found["records"] and not found["gone"]:
        return [Text(f"No parked record was found that was refused with the code {code!r}: see `ingest parked`.")]
    shown: list[RenderableType] = [Text(f"On their stream again: {counted(found['records'], 'record')}.")]
    gone = rows("No longer in the stream", found["gone"], "code", "reason", "stream", "shard", "sequenceNumber")
    return [*shown, *([gone] if found["gone"] else [])]


def moment(text: str) -> str:
    """A moment as people read it, to the second, in UTC."""
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%SZ}"


def counted(number: int, noun: str) -> str:
    """So many things."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _lag(lag: Json) -> str:
    return _at_least(lag["events"], lag["complete"])


def _parked(projection: Json) -> str:
    return _at_least(len(projection["parked"]), projection.get("parkedComplete", True))


def _at_least(number: int, exact: bool) -> str:
    return f"{number:,}" if exact else f"{number:,} or more"


def rows(title: str, found: Iterable[Json], *names: str) -> Table:
    """A table of some members of each."""
    table = titled(title, *names)
    for each in found:
        table.add_row(*(Text(_cell(name, each.get(name))) for name in names))
    return table


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return moment(value) if name in MOMENTS else str(value)


def titled(title: str, *names: str) -> Table:
    """An empty table."""
    table = Table(title=title, title_justify="left")
    for name in names:
        table.add_column(name, overflow="fold")
    return table
