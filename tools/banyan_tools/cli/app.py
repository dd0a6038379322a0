"""The root of the command line: where the API is, and who asks."""

from __future__ import annotations

from typing import Annotated

import typer

from banyan_tools.cli import (
    cost,
    deadlines,
    events,
    ingest,
    migration,
    overview,
    projections,
    reconciliation,
    streams,
    trace,
)
from banyan_tools.cli.client import LOCAL, Client
from banyan_tools.cli.errors import Commands
from banyan_tools.cli.new import new
from banyan_tools.cli.token import token as make_token

app = typer.Typer(cls=Commands, add_completion=False, no_args_is_help=True)
app.add_typer(projections.app, name="projections")
app.add_typer(reconciliation.app, name="reconcile")
app.add_typer(migration.app, name="migration")
app.add_typer(deadlines.app, name="deadlines")
app.add_typer(ingest.app, name="ingest")
app.add_typer(streams.app, name="streams")
app.add_typer(events.app, name="events")
app.command("overview")(overview.overview)
app.command("trace")(trace.trace)
app.command("cost")(cost.cost)
app.command("new")(new)
app.command("token")(make_token)


@app.callback()
def root(
    context: typer.Context,
    url: Annotated[str, typer.Option(envvar="BANYAN_URL", help="Where the API answers.")] = LOCAL,
    token: Annotated[
        str,
        typer.Option(
            envvar="BANYAN_TOKEN",
            help="Token with the scope banyan/admin (and banyan/events); made here for a local stack.",
        ),
    ] = "",
    tenant: Annotated[str, typer.Option(help="Tenant of the token that is made for a local stack.")] = "acme",
) -> None:
    """Operate a Banyan: how it stands, its streams and projections, and what a request set off."""
    context.obj = Client(url, token, tenant)


def main() -> None:
    """The console script."""
    app(prog_name="banyan")
