"""`banyan reconcile …`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.text import Text

from banyan_tools.cli.client import Answer, Client
from banyan_tools.cli.errors import INTERRUPTED, REFUSED, CliError
from banyan_tools.cli.output import Json, show
from banyan_tools.cli.reports.page import page
from banyan_tools.cli.reports.tables import listing, summary
from banyan_tools.cli.reports.words import moment, verdict
from banyan_tools.cli.tables import counted

app = typer.Typer(no_args_is_help=True, help="Compare everything that is derived with what it is derived from.")

PATH: Final = "reconciliation"
LOOKS_TO_BEGIN: Final = 120

Full = Annotated[bool, typer.Option("--full", help="Read everything again, not only what changed.")]
Repair = Annotated[bool, typer.Option("--repair", help="Repair what can be repaired; reads everything.")]
Wait = Annotated[bool, typer.Option(help="Wait until the report is there.")]
Every = Annotated[float, typer.Option(min=0.01, help="Seconds between two looks.")]
Html = Annotated[Path | None, typer.Option("--html", help="Write the report to this file, as a page with a chart.")]
Limit = Annotated[int, typer.Option(min=1, max=100, help="How many.")]


@app.command()
def run(
    context: typer.Context,
    full: Full = False,
    repair: Repair = False,
    wait: Wait = True,
    every: Every = 1.0,
    json: Json = False,
) -> None:
    """Run a reconciliation, and show its report; ends with 1 when something is left that drifted."""
    client: Client = context.obj
    begun = client.post(PATH, "run", full=full, repair=repair)
    if wait:
        _report(_followed(client, begun, every), json)
    else:
        show(begun, json, Text("It has been started: `banyan reconcile status` shows how far it has come."))


@app.command()
def status(context: typer.Context, json: Json = False) -> None:
    """How far a run has come, and what the last one came to."""
    client: Client = context.obj
    answer = client.get(PATH)
    show(answer, json, *map(Text, _standing(answer.content)))


@app.command("reports")
def list_reports(context: typer.Context, limit: Limit = 30, json: Json = False) -> None:
    """What the newest runs came to."""
    client: Client = context.obj
    answer = client.get(PATH, "reports", limit=limit)
    show(answer, json, listing(answer.content["reports"]))


@app.command("show")
def show_one(
    context: typer.Context,
    id: Annotated[str | None, typer.Argument(help="Of a report, as `banyan reconcile reports` lists it.")] = None,
    html: Html = None,
    json: Json = False,
) -> None:
    """Show a report, by default the newest, down to fields; ends with 1 when something is left that drifted."""
    client: Client = context.obj
    history = client.get(PATH, "reports").content["reports"]
    if not (id or history):
        raise CliError("There is no report yet: `banyan reconcile run` makes one.")
    answer = client.get(PATH, "reports", id or history[0]["id"])
    if html:
        html.write_text(page(answer.content, history), encoding="utf-8")
    _report(answer, json)


def _report(answer: Answer, json: bool) -> None:
    report = answer.content
    show(answer, json, *summary(report))
    if report["drifted"] and report["repaired"] < report["differences"]:
        raise typer.Exit(REFUSED)


def _followed(client: Client, begun: Answer, seconds: float) -> Answer:
    """Say how far a run has come until its report is there, and return that. Raises ``CliError``."""
    with Console(stderr=True).status("started") as line:
        try:
            for found in _looks(client, begun.content, seconds):
                line.update(next(_standing(found)))
        except KeyboardInterrupt:
            raise CliError("It continues: `banyan reconcile status` shows how far it is.", INTERRUPTED) from None
    return client.get(PATH, "reports", found["latest"]["id"])


def _looks(client: Client, before: Any, seconds: float) -> Iterator[Any]:
    """What there is to see of a run until it is over."""
    unseen = 0
    while True:
        found = client.get(PATH).content
        yield found
        if found["run"] is None and found["latest"] != before["latest"]:
            return
        unseen = 0 if found["run"] else unseen + 1
        if unseen > LOOKS_TO_BEGIN:
            raise CliError("It does not begin: the log of Reconciler says why.")
        time.sleep(seconds)


def _standing(found: Any) -> Iterator[str]:
    run, latest = found["run"], found["latest"]
    if run:
        what = "working" if run["working"] else "waiting for its next segment, within five minutes"
        yield (
            f"Running since {moment(run['startedAt'])}, {what}: {run['section'] or 'beginning'}, "
            f"segment {run['segments']}, {counted(run['rowsRead'], 'row')} read, "
            f"{counted(run['differences'], 'difference')}, {run['repaired']:,} repaired."
        )
    else:
        yield "No reconciliation is running."
    if latest:
        yield f"The last one, {latest['id']}: {verdict(latest)}, verified through {moment(latest['verifiedThrough'])}."
