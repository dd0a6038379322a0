"""A migration as tables and sentences for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from banyan_tools.cli.reports.words import fields_of
from banyan_tools.cli.tables import counted, moment, rows, titled

Json = Mapping[str, Any]


def step(found: Json) -> str:
    """A step in a word or two."""
    return f"canary {found['percentage']} %" if found["phase"] == "canary" else str(found["phase"])


def standing(found: Json) -> Text:
    """Where a migration stands, in a sentence."""
    return Text(f"The migration of {found['entity']} stands at {step(found)}: see `banyan migration status`.")


def overview(found: Json) -> list[RenderableType]:
    """Where a migration stands."""
    table = Table("", "", title=f"Migration of {found['entity']}", title_justify="left", show_header=False)
    for name, value in _lines(found):
        table.add_row(name, Text(value))
    shown: list[RenderableType] = [table]
    if found["next"] and found["next"]["conditions"]:
        shown.append(conditions(found["next"]["conditions"]))
    if found["halfDone"]:
        shown.append(rows("Half-done writes", found["halfDone"], "stream", "version", "since", "ageMs", "owner"))
    if found["parked"]:
        shown.append(rows("Parked: tried again every minute", found["parked"], "stream", "owner", "since", "reason"))
    if found["health"] and found["health"]["differences"]:
        shown.append(rows("Rows that differ from their streams", found["health"]["differences"], "stream", "what"))
    return shown


def conditions(found: Iterable[Json]) -> Table:
    """What the next step waits for, with numbers."""
    table = titled("Conditions of the next step", "met", "condition", "found", "needed")
    for each in found:
        cells = ("yes" if each["met"] else "no", each["name"], _amount(each, each["found"]), _needed(each))
        table.add_row(*map(Text, cells))
    return table


def history(decisions: Iterable[Json]) -> Table:
    """Decisions, with what they were based on."""
    table = titled("Decisions", "version", "at", "what", "by", "reason", "evidence")
    for each in decisions:
        cells = (str(each["version"]), moment(each["at"]), _what(each), each["actor"], each["reason"], _told(each))
        table.add_row(*map(Text, cells))
    return table


def differences(found: Iterable[Json]) -> Table:
    """Reads that differed, field by field."""
    table = titled("Reads that differ", "at", "stream", "fields: legacy system → read model")
    for each in found:
        table.add_row(*map(Text, (moment(each["at"]), each["stream"], "\n".join(fields_of(each)))))
    return table


def backfill(found: Json) -> list[RenderableType]:
    """How far a backfill has come, or what it costs."""
    progress, cost = found["progress"], _cost(found["preview"])
    if progress is None:
        return [Text(f"No backfill was begun yet. {cost}")]
    state = "has ended" if progress["finished"] else "is running"
    shown: list[RenderableType] = [
        Text(
            f"The backfill {state}: {progress['seen']:,} of about {counted(progress['rows'], 'row')} seen, "
            f"{progress['imported']:,} became events, {progress['failures']:,} cannot. {cost}".rstrip()
        )
    ]
    if progress["failed"]:
        failed = [{"row": row, "why": why} for row, why in progress["failed"].items()]
        shown.append(rows("Put these right in the legacy system and run it again", failed, "row", "why"))
    return shown


def archive(found: Json) -> list[RenderableType]:
    """How far the newest archive and the newest restoration have come."""
    shown: list[RenderableType] = []
    if archive := found["archive"]:
        shown.append(
            Text(
                f"Archive {archive['id']} is {archive['stage']}: {counted(archive['rows'], 'row')} in "
                f"{counted(archive['parts'], 'part')}, {archive['checked']:,} read back. {archive['damage']}".rstrip()
            )
        )
        shown.append(rows("Tables", archive["tables"], "name", "rows", "digest"))
    if restoration := found["restoration"]:
        state = restoration["damage"] or ("is complete" if restoration["endedAt"] else "is running")
        shown.append(
            Text(
                f"The restoration of {restoration['archive']} {state}: "
                f"{counted(restoration['checked'], 'part')} checked, {restoration['written']:,} written, "
                f"{counted(restoration['compared'], 'row')} compared."
            )
        )
    return shown or [Text("The legacy system was not archived yet.")]


def _lines(found: Json) -> Iterator[tuple[str, str]]:
    yield "step", step(found)
    yield "since", moment(found["since"]) if found["since"] else "the beginning"
    yield "primary", found["leader"]
    if found["movingTo"]:
        yield "on its way to", step(found["movingTo"])
    if health := found["health"]:
        yield "lag", f"{health['lagMs']:,} ms"
        yield "half done", counted(health["halfDone"], "write")
        yield "compared reads", f"{health['compared']:,}, {health['differing']:,} differ ({health['mismatchRate']:.2%})"
    if quiet := found["quiet"]:
        seen = f", last seen: {quiet['seen']}" if quiet["seen"] else ""
        yield "unused since", f"{moment(quiet['since'])}{seen}"
    if found["held"]:
        yield "held", found["held"]
    if following := found["next"]:
        yield "next", f"{step(following['step'])}, made by the {following['by']}"
        yield "waits for", "\n".join(following["waitsFor"]) or "nothing"


def _needed(condition: Json) -> str:
    if condition["least"] is not None:
        return f"at least {_amount(condition, condition['least'])}"
    return "" if condition["most"] is None else f"at most {_amount(condition, condition['most'])}"


def _amount(condition: Json, amount: float | None) -> str:
    if amount is None:
        return ""
    return f"{amount:.2%}" if condition["unit"] == "share" else f"{amount:,.0f} {condition['unit']}"


def _cost(preview: Json | None) -> str:
    if preview is None:
        return ""
    units = counted(preview["writeUnits"], "write unit")
    return f"Importing {counted(preview['rows'], 'row')} costs {units}, {preview['price']:.4f}."


def _what(decision: Json) -> str:
    details = decision["details"]
    return f"{decision['type']} to {step(details['to'])}" if "to" in details else str(decision["type"])


def _told(decision: Json) -> str:
    return "\n".join(f"{name}: {value}" for name, value in decision["evidence"].items())
