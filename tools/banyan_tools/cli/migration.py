"""`banyan migration …`."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer
from rich.text import Text

from banyan_tools.cli import migration_tables as tables
from banyan_tools.cli import migration_work
from banyan_tools.cli.client import Answer, Client
from banyan_tools.cli.errors import CliError
from banyan_tools.cli.following import Measure, looks, watched
from banyan_tools.cli.output import Json, show

app = typer.Typer(no_args_is_help=True, help="Move out of a legacy system, step by step, and back.")
app.command("backfill")(migration_work.backfill)
app.command("archive")(migration_work.archive)
app.command("restore")(migration_work.restore)

PATH: Final = "migration"
LEFT: Final = "The move continues: `banyan migration status` shows it."

Reason = Annotated[str, typer.Option(help="Why; it is recorded.")]
NoWayBack = Annotated[bool, typer.Option("--no-way-back", help="Move to event_store, from which there is no way back.")]
Every = Annotated[float, typer.Option(min=0.01, help="Seconds between two looks.")]
To = Annotated[str | None, typer.Option(help="A step, such as legacy, dual_write or canary:25.")]
Limit = Annotated[int, typer.Option(min=1, max=200, help="How many.")]


@app.command()
def status(context: typer.Context, json: Json = False) -> None:
    """Where it stands, what is half done, and what the next step waits for."""
    answer = _client(context).get(PATH)
    show(answer, json, *tables.overview(answer.content))


@app.command()
def start(context: typer.Context, reason: Reason, every: Every = 1.0, json: Json = False) -> None:
    """Write both sides: from legacy to dual_write."""
    _moved(context, "start", every, json, reason=reason)


@app.command()
def advance(
    context: typer.Context, reason: Reason, no_way_back: NoWayBack = False, every: Every = 1.0, json: Json = False
) -> None:
    """Go to the next step now, without waiting for its window."""
    standing = _step(_client(context).get(PATH).content)
    _moved(context, "advance", every, json, reason=reason, noWayBack=no_way_back, **{"from": standing})


@app.command()
def rollback(context: typer.Context, reason: Reason, to: To = None, every: Every = 1.0, json: Json = False) -> None:
    """Go back a phase, or to the step that is named."""
    _moved(context, "rollback", every, json, reason=reason, to=_parsed(to) if to else None)


@app.command()
def move(
    context: typer.Context,
    to: Annotated[str, typer.Argument(help="A step, such as dual_write or canary:25.")],
    reason: Reason,
    no_way_back: NoWayBack = False,
    every: Every = 1.0,
    json: Json = False,
) -> None:
    """Go to a step, forward or back."""
    _moved(context, "move", every, json, reason=reason, to=_parsed(to), noWayBack=no_way_back)


@app.command()
def complete(context: typer.Context, reason: Reason, every: Every = 1.0, json: Json = False) -> None:
    """End it, when the legacy system is not used any more and its archive is whole."""
    _moved(context, "complete", every, json, reason=reason)


@app.command()
def history(
    context: typer.Context,
    before: Annotated[int | None, typer.Option(min=1, help="Begin with those before this version.")] = None,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """What was decided, why, and on which evidence; the newest first."""
    answer = _client(context).get(PATH, "history", before=before, limit=limit)
    show(answer, json, tables.history(answer.content["decisions"]), *_more("history", answer))


@app.command()
def differences(
    context: typer.Context,
    before: Annotated[str | None, typer.Option(help="Begin with those before, as the page before says.")] = None,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """Reads that both sides answered, and differently, field by field; the newest first."""
    answer = _client(context).get(PATH, "differences", before=before, limit=limit)
    show(answer, json, tables.differences(answer.content["differences"]), *_more("differences", answer))


def _more(command: str, page: Answer) -> list[Text]:
    """How to see the page behind one, if there is one."""
    next = page.content["next"]
    return [Text(f"There is more: `banyan migration {command} --before {next}`.")] if next else []


def _client(context: typer.Context) -> Client:
    client: Client = context.obj
    return client


def _step(found: Any) -> Any:
    return {"phase": found["phase"], "percentage": found["percentage"]}


def _parsed(step: str) -> Any:
    """A step as it is typed."""
    phase, _, percentage = step.partition(":")
    if percentage and not percentage.isdecimal():
        raise typer.BadParameter(f"{step!r} is not a step: write it as canary:25")
    share = {"event_store": 100, "complete": 100}.get(phase, 0)
    return {"phase": phase, "percentage": int(percentage or share)}


def _moved(context: typer.Context, verb: str, seconds: float, json: bool, **body: Any) -> None:
    """Decide on a move, and watch it to its end; one that was given up ends with 1."""
    client = _client(context)
    answer = client.post(PATH, verb, **body)
    to = answer.content["movingTo"]
    if to:
        answer = _arrived(client, to, seconds)
    show(answer, json, tables.standing(answer.content))


def _arrived(client: Client, to: Any, seconds: float) -> Answer:
    answers = looks(client, PATH, seconds=seconds, over=lambda found: found["movingTo"] is None)
    answer = watched(answers, lambda _: Measure(f"on its way to {tables.step(to)}", 0, None), LEFT)
    if _step(answer.content) != to:
        (last,) = client.get(PATH, "history", limit=1).content["decisions"]
        raise CliError(f"The move to {tables.step(to)} was not made: {last['reason']}")
    return answer
