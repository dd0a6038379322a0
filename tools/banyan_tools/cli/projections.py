"""`banyan projections …`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.text import Text

from banyan_tools.cli import tables
from banyan_tools.cli.client import Answer, Client, Refused
from banyan_tools.cli.errors import REFUSED, CliError
from banyan_tools.cli.following import Measure, looks, watched
from banyan_tools.cli.output import Json, say, show

app = typer.Typer(no_args_is_help=True, help="See, pause, resume and rebuild projections.")

Name = Annotated[str, typer.Argument(help="The projection.")]
Stream = Annotated[str, typer.Argument(help="The stream, as tenant:entity:id.")]
Reason = Annotated[str, typer.Option(help="Why; it is recorded and shown.")]
Writes = Annotated[int | None, typer.Option("--writes", min=1, help="Write units per second.")]
Every = Annotated[float, typer.Option(min=0.01, help="Seconds between two looks.")]


@app.command("list")
def list_all(context: typer.Context, json: Json = False) -> None:
    """How every projection stands."""
    answer = _client(context).get("projections")
    show(answer, json, tables.projections(answer.content))


@app.command("show")
def show_one(context: typer.Context, name: Name, json: Json = False) -> None:
    """How one stands: generations, lag, and parked streams with their errors."""
    answer = _client(context).get("projections", name)
    show(answer, json, *tables.projection(answer.content))


@app.command()
def pause(context: typer.Context, name: Name, reason: Reason, json: Json = False) -> None:
    """Pause a projection: it applies nothing."""
    answer = _client(context).post("projections", name, "pause", reason=reason)
    show(answer, json, *tables.projection(answer.content))


@app.command()
def resume(context: typer.Context, name: Name, json: Json = False) -> None:
    """Resume a paused projection, which then catches up on what it missed."""
    answer = _client(context).post("projections", name, "resume")
    show(answer, json, *tables.resumed(name, answer.content))


@app.command()
def park(context: typer.Context, name: Name, stream: Stream, reason: Reason, json: Json = False) -> None:
    """Let a projection take nothing of one stream in."""
    answer = _client(context).post("projections", name, "park", stream=stream, reason=reason)
    show(
        answer,
        json,
        Text(f"{stream} is parked in {name}: release it with `banyan projections retry {name} {stream}`."),
    )


@app.command()
def retry(
    context: typer.Context,
    name: Name,
    stream: Annotated[str | None, typer.Argument(help="The stream, as tenant:entity:id.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every parked stream of the projection.")] = False,
    json: Json = False,
) -> None:
    """Retry a parked stream, or all of them; also brings any other stream up to date."""
    if (stream is None) is not every:
        raise typer.BadParameter("name a stream, or give --all")
    client = _client(context)
    streams = [stream] if stream else _parked(client, name)
    if sum(_retry(client, name, each, json) for each in streams):
        raise typer.Exit(REFUSED)


@app.command()
def preview(context: typer.Context, name: Name, writes: Writes = None, json: Json = False) -> None:
    """What a rebuild would cost; nothing is written."""
    answer = _client(context).post("projections", name, "rebuild", writesPerSecond=writes, dryRun=True)
    show(answer, json, tables.preview(answer.content))


@app.command()
def rebuild(
    context: typer.Context,
    name: Name,
    writes: Writes = None,
    switch: Annotated[bool, typer.Option("--switch", help="Read the new rows as soon as they prove equal.")] = False,
    stream: Annotated[str | None, typer.Option(help="Rebuild this stream only.")] = None,
    wait: Annotated[bool, typer.Option(help="Wait until it is complete.")] = True,
    every: Every = 1.0,
    json: Json = False,
) -> None:
    """Build a new generation beside the live one, or continue one that was begun."""
    client = _client(context)
    if stream:
        answer = client.post("projections", name, "rebuild", "stream", stream=stream)
        show(answer, json, Text(f"{stream} is rebuilt in {name}."))
        return
    answer = client.post("projections", name, "rebuild", writesPerSecond=writes, switchWhenEqual=switch)
    _ended(_followed(client, name, every) if wait else answer, json)


@app.command()
def progress(
    context: typer.Context,
    name: Name,
    generation: Annotated[int | None, typer.Argument(help="The newest unless given.")] = None,
    json: Json = False,
) -> None:
    """How far a rebuild has come, and what it found."""
    _ended(_client(context).get("projections", name, "rebuild", generation=generation), json)


@app.command()
def switch(
    context: typer.Context,
    name: Name,
    generation: Annotated[
        int | None, typer.Argument(help="The newest unless given; an older one is the way back.")
    ] = None,
    accept: Annotated[bool, typer.Option("--accept-differences", help="Even if rows differ.")] = False,
    json: Json = False,
) -> None:
    """Let queries read another generation."""
    answer = _client(context).post(
        "projections", name, "switch", generation=generation, acceptDifferences=accept or None
    )
    show(answer, json, Text(f"Queries of {name} read generation {answer.content['live']}."))


@app.command()
def cancel(context: typer.Context, name: Name, json: Json = False) -> None:
    """Give up a rebuild, and delete what it made."""
    answer = _client(context).post("projections", name, "cancel")
    show(answer, json, Text(f"Generation {answer.content['generation']} of {name} is being deleted."))


@app.command()
def drop(
    context: typer.Context,
    name: Name,
    generation: Annotated[int, typer.Argument(help="A generation that was kept for the way back.")],
    wait: Annotated[bool, typer.Option("--wait", help="If it was read until just now, wait until it can be.")] = False,
    every: Every = 1.0,
    json: Json = False,
) -> None:
    """Delete a generation that is read no longer."""
    answer = _dropped(_client(context), name, generation, every if wait else None)
    show(answer, json, Text(f"Generation {generation} of {name} is being deleted."))


@app.command()
def remove(context: typer.Context, name: Name, json: Json = False) -> None:
    """Delete all that is left of a projection that the domain does not have any more."""
    answer = _client(context).post("projections", name, "remove")
    show(answer, json, Text(f"All that is left of {name} is being deleted."))


def _client(context: typer.Context) -> Client:
    client: Client = context.obj
    return client


def _parked(client: Client, name: str) -> Iterator[str]:
    """Every parked stream once; when the list shows only a part, again what it shows after those were retried."""
    shown: dict[str, None] = {}
    while True:
        found = client.get("projections", name).content
        fresh = dict.fromkeys(each["stream"] for each in found["parked"] if each["stream"] not in shown)
        shown |= fresh
        if not shown:
            raise CliError(f"No stream is parked in {name}: there is nothing to retry.")
        yield from fresh
        if not fresh or found.get("parkedComplete", True):
            return


def _dropped(client: Client, name: str, generation: int, seconds: float | None) -> Answer:
    """Drop a generation; one that readers may still hold is tried again as often as ``seconds`` says."""
    while True:
        try:
            return client.post("projections", name, "drop", generation=generation)
        except Refused as refusal:
            if seconds is None or not refusal.again:
                raise
        time.sleep(seconds)


def _retry(client: Client, name: str, stream: str, json: bool) -> bool:
    """Retry one stream; whether it is parked again."""
    answer = client.post("projections", name, "retry", stream=stream)
    again = answer.content["parked"]
    outcome = f"is parked again at version {again['version']}: {again['error']}" if again else "is up to date"
    show(answer, json, Text(f"{stream} {outcome}."))
    return again is not None


def _followed(client: Client, name: str, seconds: float) -> Answer:
    """Watch until the newest generation is no longer building."""
    look, end = f"banyan projections progress {name}", f"banyan projections cancel {name}"
    return watched(
        looks(client, "projections", name, "rebuild", seconds=seconds, over=lambda found: found["stage"] != "building"),
        lambda found: Measure(found["phase"], found["streams"], found["total"]),
        f"The rebuild continues: `{look}` shows it, `{end}` abandons it.",
    )


def _ended(answer: Answer, json: bool) -> None:
    """Show a rebuild; one that found something ends with 1."""
    found = answer.content
    show(answer, json, *tables.progress(found))
    if found["stage"] == "ready" and not json:
        name = found["projection"]
        say(Text(f"Read the new rows with `banyan projections switch {name}`, or `cancel {name}` gives them up."))
    if found["failed"] or (found["different"] and not found["first"]):
        raise typer.Exit(REFUSED)
