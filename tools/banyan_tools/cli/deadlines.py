"""`banyan deadlines …`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from banyan_tools.cli import tables
from banyan_tools.cli.client import Client
from banyan_tools.cli.output import Json, show

app = typer.Typer(no_args_is_help=True, help="See deadlines, and retry those that were parked.")


@app.command("list")
def list_all(context: typer.Context, json: Json = False) -> None:
    """How many are due, which wait, and which are parked."""
    client: Client = context.obj
    answer = client.get("deadlines")
    show(answer, json, *tables.deadlines(answer.content))


@app.command()
def retry(
    context: typer.Context,
    stream: Annotated[str | None, typer.Argument(help="Whose; of all streams unless given.")] = None,
    name: Annotated[str | None, typer.Argument(help="Which; every one unless given.")] = None,
    json: Json = False,
) -> None:
    """Let parked deadlines wait for the schedule again: all, those of a stream, or one."""
    client: Client = context.obj
    answer = client.post("deadlines", "retry", stream=stream, name=name)
    show(answer, json, Text(f"Waiting again: {tables.counted(answer.content['retried'], 'deadline')}."))
