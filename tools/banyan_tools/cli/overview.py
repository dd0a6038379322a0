"""`banyan overview`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import typer
from rich.console import RenderableType
from rich.text import Text

from banyan_tools.cli import tables
from banyan_tools.cli.client import Client
from banyan_tools.cli.errors import REFUSED
from banyan_tools.cli.output import Json, show

Found = Mapping[str, Any]

COMMANDS: Final = {
    "projection_stopped": "projections resume {projection}",
    "projection_paused": "projections resume {projection}",
    "projection_lagging": "projections show {projection}",
    "projection_outdated": "projections rebuild {projection} --switch",
    "rebuild_idle": "projections progress {projection}",
    "deletion_idle": "projections drop {projection} {generation}",
    "migration_idle": "migration status",
    "rebuild_differs": "projections progress {projection}",
    "rebuild_ready": "projections switch {projection}",
    "deadlines_overdue": "deadlines list",
    "deadline_parked": "deadlines list",
    "reconciliation_differs": "reconcile run --repair",
    "reconciliation_old": "reconcile run",
    "records_parked": "ingest parked",
    "migration_half_done": "migration status",
    "migration_row_parked": "migration status",
    "migration_differs": "migration status",
    "migration_waits": "migration advance",
}
"""What to type about each, but for a parked stream."""


def overview(context: typer.Context, json: Json = False) -> None:
    """Show how everything stands, and what needs a person; exits with 1 when something does."""
    client: Client = context.obj
    answer = client.get("overview")
    show(answer, json, *_shown(answer.content))
    if answer.content["attention"] or answer.content["unavailable"]:
        raise typer.Exit(REFUSED)


def _shown(found: Found) -> Iterator[RenderableType]:
    yield from _attention(found)
    yield from (Text(f"Could not be read: {part}: {reason}") for part, reason in found["unavailable"].items())
    if found["rate"]:
        rate = found["rate"]
        yield Text(f"{rate['eventsPerSecond']:.1f} events a second in the last {rate['seconds']:.0f} s.")
    if found["projections"]:
        yield tables.standing(found["projections"])
    yield from map(Text, _sentences(found))


def _attention(found: Found) -> Iterator[RenderableType]:
    if not found["attention"]:
        yield Text("Nothing needs a person." if not found["unavailable"] else "Nothing else is known to need a person.")
        return
    lines = [{**each, "command": f"./banyan {_command(each)}"} for each in found["attention"]]
    yield tables.rows("What needs a person", lines, "code", "text", "since", "command")


def _command(each: Found) -> str:
    names = each["names"]
    if each["code"] == "deadline_parked" and names:
        return "deadlines retry {stream} {name}".format(**names)
    if each["code"] == "stream_parked":
        verb = "retry {projection} {stream}" if "stream" in names else "show {projection}"
        return f"projections {verb}".format(**names)
    return COMMANDS[each["code"]].format(**names)


def _sentences(found: Found) -> Iterator[str]:
    deadlines, reconciliation, migration, ingest = map(
        found.get, ("deadlines", "reconciliation", "migration", "ingest")
    )
    if deadlines:
        more = "" if deadlines["complete"] else " or more"
        yield (
            f"Deadlines: {deadlines['due']} due, {deadlines['waiting']} waiting, {deadlines['parked']} parked{more}."
        )
    if reconciliation:
        yield from _reconciliation(reconciliation)
    if migration:
        lag = "" if migration["lagMs"] is None else f", lag {migration['lagMs']} ms"
        yield f"Migration of {migration['entity']}: {migration['step']}{lag}."
    if ingest:
        yield f"Ingest: about {ingest['parked']} records parked."


def _reconciliation(found: Found) -> Iterator[str]:
    latest = found["latest"]
    if found["run"]:
        yield f"Reconciliation: {'running' if found['run']['working'] else 'to be continued'}."
    if latest:
        left = latest["differences"] - latest["repaired"]
        came_to = f"{left} difference{'' if left == 1 else 's'}" if left else "equal"
        yield f"Reconciliation of {tables.moment(latest['finishedAt'])}: {came_to}."
    elif not found["run"]:
        yield "Reconciliation: none yet."
