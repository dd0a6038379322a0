"""`banyan ingest …`."""

from __future__ import annotations

from typing import Annotated

import typer

from banyan_tools.cli import tables
from banyan_tools.cli.client import Client
from banyan_tools.cli.output import Json, show

app = typer.Typer(no_args_is_help=True, help="See records of a stream that were refused, and ingest them again.")

Limit = Annotated[int, typer.Option(min=1, max=500, help="So many at most.")]


@app.command()
def parked(context: typer.Context, limit: Limit = 100, json: Json = False) -> None:
    """Which records were refused, and why."""
    client: Client = context.obj
    answer = client.get("ingest", "parked", limit=limit)
    show(answer, json, *tables.parked_records(answer.content))


@app.command()
def retry(
    context: typer.Context,
    code: Annotated[str | None, typer.Option(help="Only those that were refused with this code.")] = None,
    limit: Limit = 100,
    json: Json = False,
) -> None:
    """Put refused records back on their stream."""
    client: Client = context.obj
    answer = client.post("ingest", "parked", "retry", code=code, limit=limit)
    show(answer, json, *tables.put_back(answer.content, code))
