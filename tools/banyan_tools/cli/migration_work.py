"""The long work of a migration: backfill, archive and restoration."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from banyan_tools.cli import migration_tables as tables
from banyan_tools.cli.client import Answer, Client
from banyan_tools.cli.errors import REFUSED
from banyan_tools.cli.following import Measure, looks, watched
from banyan_tools.cli.output import Json, show
from banyan_tools.cli.tables import counted

PATH: Final = "migration"
LEFT: Final = "It continues: the same command with --show says how far it is."

Look = Annotated[bool, typer.Option("--show", help="Only show how far it has come.")]
Wait = Annotated[bool, typer.Option(help="Wait until it is over.")]
Every = Annotated[float, typer.Option(min=0.01, help="Seconds between two looks.")]


def backfill(
    context: typer.Context,
    preview: Annotated[
        bool, typer.Option("--preview", "--show", help="Only show its cost, or its progress while it is running.")
    ] = False,
    wait: Wait = True,
    every: Every = 1.0,
    json: Json = False,
) -> None:
    """Import every row that the event store does not know; ends with 1 when some cannot be imported."""
    client: Client = context.obj
    answer = client.get(PATH, "backfill") if preview else client.post(PATH, "backfill")
    if wait and not preview:
        answer = _followed(client, "backfill", every, _backfilled, _rows_seen)
    show(answer, json, *tables.backfill(answer.content))
    _end(bool(answer.content["progress"] and answer.content["progress"]["failures"]))


def archive(
    context: typer.Context,
    anew: Annotated[bool, typer.Option("--anew", help="Make another one even if one exists.")] = False,
    look: Look = False,
    wait: Wait = True,
    every: Every = 1.0,
    json: Json = False,
) -> None:
    """Archive the legacy system and read the archive back; ends with 1 when it is damaged."""
    client: Client = context.obj
    answer = client.get(PATH, "archive") if look else client.post(PATH, "archive", anew=anew)
    if wait and not look:
        answer = _followed(client, "archive", every, _archived, _parts_done)
    show(answer, json, *tables.archive(answer.content))
    _end(bool(answer.content["archive"] and answer.content["archive"]["damage"]))


def restore(
    context: typer.Context,
    id: Annotated[str | None, typer.Argument(help="Of an archive; the newest unless given.")] = None,
    wait: Wait = True,
    every: Every = 1.0,
    json: Json = False,
) -> None:
    """Put an archive back into the legacy system's empty tables; ends with 1 when that cannot be."""
    client: Client = context.obj
    answer = client.post(PATH, "restore", archive=id)
    if wait:
        answer = _followed(client, "archive", every, _restored, _parts_restored)
    show(answer, json, *tables.archive(answer.content))
    _end(bool(answer.content["restoration"]["damage"]))


def _followed(client: Client, name: str, seconds: float, over: Any, measure: Any) -> Answer:
    return watched(looks(client, PATH, name, seconds=seconds, over=over), measure, LEFT)


def _end(failed: bool) -> None:
    if failed:
        raise typer.Exit(REFUSED)


def _backfilled(found: Any) -> bool:
    return bool(found["progress"]["finished"])


def _rows_seen(found: Any) -> Measure:
    return Measure("rows", found["progress"]["seen"], found["progress"]["rows"])


def _archived(found: Any) -> bool:
    return found["archive"]["stage"] in ("verified", "damaged")


def _parts_done(found: Any) -> Measure:
    done = found["archive"]
    return Measure(
        "checking parts" if done["checked"] else counted(done["rows"], "row"), done["checked"], done["parts"]
    )


def _restored(found: Any) -> bool:
    return bool(found["restoration"]["endedAt"] or found["restoration"]["damage"])


def _parts_restored(found: Any) -> Measure:
    done = found["restoration"]
    return Measure("restoring parts", done["written"], done["checked"] or None)
