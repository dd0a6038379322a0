"""`banyan streams …`."""

from __future__ import annotations

import json as js
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from banyan_tools.cli import tables
from banyan_tools.cli.client import Client
from banyan_tools.cli.errors import REFUSED
from banyan_tools.cli.events import Entity, Tenant, table_row
from banyan_tools.cli.output import Json, show

app = typer.Typer(no_args_is_help=True, help="Find streams, see what happened to them, and check them.")

Stream = Annotated[str, typer.Argument(help="The stream, as tenant:entity:id.")]


@app.command("list")
def list_all(
    context: typer.Context,
    tenant: Tenant = None,
    entity: Entity = None,
    prefix: Annotated[str | None, typer.Option(help="How its id begins.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many streams.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended.")] = None,
    json: Json = False,
) -> None:
    """Streams of all tenants, the one that changed last first."""
    client: Client = context.obj
    answer = client.get("streams", tenant=tenant, entity=entity, prefix=prefix, limit=limit, cursor=cursor)
    show(answer, json, *_listed(answer.content))


@app.command("show")
def show_one(
    context: typer.Context,
    stream: Stream,
    after: Annotated[int | None, typer.Option(min=0, help="Begin after this version.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many events.")] = 50,
    newest: Annotated[bool, typer.Option("--newest", help="The newest events first.")] = False,
    json: Json = False,
) -> None:
    """Show the events of a stream, oldest first."""
    client: Client = context.obj
    order = "descending" if newest else None
    answer = client.get("streams", stream, "events", after=after, limit=limit, order=order)
    found = answer.content
    rows = [table_row(event) for event in found["events"]]
    shown: list[RenderableType] = [
        tables.rows(f"{stream}, version {found['version']}", rows, "version", "type", "at", "actor", "data")
    ]
    if found["next"] is not None:
        flag = " --newest" if newest else ""
        shown.append(Text(f"There is more: ./banyan streams show {stream} --after {found['next']}{flag}"))
    show(answer, json, *shown)


@app.command()
def state(
    context: typer.Context,
    stream: Stream,
    at_version: Annotated[int | None, typer.Option(min=1, help="As of this version.")] = None,
    at: Annotated[str | None, typer.Option(help="As recorded by this moment, such as 2026-01-31T12:00:00Z.")] = None,
    json: Json = False,
) -> None:
    """Show the state that a stream's decider folds, now or as it was."""
    client: Client = context.obj
    answer = client.get("streams", stream, "state", atVersion=at_version, at=at)
    found = answer.content
    title = f"{stream} at version {found['version']} of {found['streamVersion']}"
    said = found["error"] or js.dumps(found["state"], indent=2, ensure_ascii=False)
    show(answer, json, Text(title), Text(said))
    raise typer.Exit(REFUSED if found["error"] else 0)


@app.command()
def rows(context: typer.Context, stream: Stream, json: Json = False) -> None:
    """Show whether what each projection holds of a stream is what its events say; --json has the rows."""
    client: Client = context.obj
    answer = client.get("streams", stream, "rows")
    found = answer.content
    names = ("projection", "kind", "generation", "version", "equal", "fields", "detail")
    show(answer, json, tables.rows(f"{stream}, version {found['version']}", found["projections"], *names))
    raise typer.Exit(REFUSED if any(each["equal"] is False for each in found["projections"]) else 0)


@app.command()
def verify(context: typer.Context, stream: Stream, json: Json = False) -> None:
    """Check a stream from end to end: positions, times, digests, events and snapshots."""
    client: Client = context.obj
    answer = client.get("streams", stream, "verify")
    found = answer.content
    if found["intact"]:
        shown: RenderableType = Text(f"{stream} is undamaged up to version {found['version']}: {found['digest']}")
    else:
        shown = tables.rows(f"Damage to {stream}", found["problems"], "version", "kind", "detail")
    show(answer, json, shown)
    raise typer.Exit(0 if found["intact"] else REFUSED)


def _listed(found: tables.Json) -> list[RenderableType]:
    streams = [{**each, "at": each["recordedAt"], "last": each["error"] or each["types"]} for each in found["streams"]]
    shown: list[RenderableType] = [tables.rows("Streams", streams, "stream", "version", "at", "last")]
    if found["stoppedEarly"]:
        shown.append(Text("It stopped early, as it had looked at much of the log."))
    if found["next"]:
        shown.append(Text("There is more: the same command with"))
        shown.append(Text(f"--cursor {found['next']}", no_wrap=True, overflow="ignore"))
    return shown
