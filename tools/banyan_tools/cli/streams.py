"""`banyan streams …`."""

from __future__ import annotations

import json as js
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from banyan_tools.cli import tables
from banyan_tools.cli.client import Client
from banyan_tools.cli.output import Json, show

app = typer.Typer(no_args_is_help=True, help="See what happened to a stream.")


@app.command("show")
def show_one(
    context: typer.Context,
    stream: Annotated[str, typer.Argument(help="The stream, as tenant:entity:id.")],
    after: Annotated[int, typer.Option(min=0, help="Begin after this version.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most so many events.")] = 50,
    json: Json = False,
) -> None:
    """Show the events of a stream, oldest first."""
    client: Client = context.obj
    answer = client.get("streams", stream=stream, after=after, limit=limit)
    found = answer.content
    show(answer, json, *tables.stream({**found, "events": [_row(event) for event in found["events"]]}))


def _row(event: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "version": event["version"],
        "type": event["eventType"],
        "at": event["timestamp"],
        "actor": event["metadata"].get("actor"),
        "data": js.dumps(event["payload"], ensure_ascii=False),
    }
