"""`banyan deadlines …`."""

from __future__ import annotations

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
def retry(context: typer.Context, json: Json = False) -> None:
    """Let parked deadlines wait for the schedule again."""
    client: Client = context.obj
    answer = client.post("deadlines", "retry")
    show(answer, json, Text(f"Waiting again: {tables.counted(answer.content['retried'], 'deadline')}."))
