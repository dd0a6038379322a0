"""`banyan events …`."""

from __future__ import annotations

import json as js
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from banyan_tools.cli import tables
from banyan_tools.cli.client import Answer, Client, Refused
from banyan_tools.cli.errors import INTERRUPTED, UNREACHABLE, CliError
from banyan_tools.cli.output import Json, say, show
from banyan_tools.terminal import SafeConsole

app = typer.Typer(no_args_is_help=True, help="See what happens in all streams.")

SEARCHED: Final = timedelta(days=1)
HELD_BACK: Final = "Newer ones were left out, as too many were recorded within two minutes: search for them later."
LOST: Final = "The stack does not answer any more."
FOUND: Final = "It answers again."
LONGEST_PAUSE: Final = 30.0
"""Seconds, besides the interval, between two tries to reach a stack that does not answer."""
PASSING: Final = frozenset({502, 503, 504})
"""What a gateway answers in place of a function."""
MOST_SHOWN: Final = 300
"""Characters of an event's content in a cell."""

Event = Mapping[str, Any]
Tenant = Annotated[str | None, typer.Option(help="Only streams of this tenant.")]
Entity = Annotated[str | None, typer.Option(help="Only streams of this entity.")]
Type = Annotated[list[str] | None, typer.Option("--type", help="Only events of this type; may be repeated.")]


@app.command()
def tail(
    context: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Continue until Ctrl-C.")] = False,
    type: Type = None,
    tenant: Tenant = None,
    entity: Entity = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="Begin with so many of the newest commits.")] = 20,
    interval: Annotated[float, typer.Option(min=0.5, help="Seconds between two looks when nothing happens.")] = 2.0,
    json: Json = False,
) -> None:
    """Show the newest events of all streams, in the order of recording."""
    client: Client = context.obj
    query = {"types": _types(type), "tenant": tenant, "entity": entity, "limit": limit}
    if not follow:
        answer = client.get("events", **query)
        show(answer, json, tables.rows("Events", map(table_row, answer.content["events"]), *COLUMNS))
        return
    try:
        for answer in _followed(client, query, interval):
            _print(answer, json)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


@app.command("list")
def list_newest(
    context: typer.Context,
    type: Type = None,
    tenant: Tenant = None,
    entity: Entity = None,
    since: Annotated[str | None, typer.Option(help="Recorded from this moment on.")] = None,
    until: Annotated[str | None, typer.Option(help="Recorded up to this moment.")] = None,
    after: Annotated[str | None, typer.Option(help="Where the page before ended, as it says.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="So many commits at most.")] = 20,
    json: Json = False,
) -> None:
    """List events of all streams, the newest first, page by page."""
    client: Client = context.obj
    query = {"types": _types(type), "tenant": tenant, "entity": entity, "since": since, "limit": limit}
    answer = client.get("events", **query, until=until, after=after, order="descending")
    older = [] if answer.content["atEnd"] else [Text(f"Older ones: the same with --after {answer.content['next']}")]
    show(answer, json, tables.rows("Events", map(table_row, answer.content["events"]), *COLUMNS), *older)


@app.command()
def search(
    context: typer.Context,
    text: Annotated[str, typer.Argument(help="What their content holds, as JSON writes it.")] = "",
    type: Type = None,
    tenant: Tenant = None,
    entity: Entity = None,
    since: Annotated[str | None, typer.Option(help="Recorded from this moment on; a day ago unless given.")] = None,
    until: Annotated[str | None, typer.Option(help="Recorded up to this moment.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Stop when so many were found.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="Print each event as JSON, one a line.")] = False,
) -> None:
    """Find events of all streams, in the order of recording."""
    client: Client = context.obj
    now = datetime.now(UTC)
    begin, end = since or (now - SEARCHED).isoformat(), until or now.isoformat()
    query = {"types": _types(type), "tenant": tenant, "entity": entity, "until": end, "limit": 100}
    found = (event for page in _pages(client, query, begin) for event in page["events"] if text in _data(event))
    count = 0
    try:
        for count, event in enumerate(found, 1):
            print(js.dumps(event, ensure_ascii=False)) if json else say(Text(line(event)))
            if count == limit:
                break
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    if not json:
        more = "; there may be more: --limit, --since" if count == limit else ""
        say(Text(f"{tables.counted(count, 'event')} since {begin}{more}."))


def _pages(client: Client, query: Mapping[str, Any], since: str) -> Iterator[Any]:
    """Pages since a moment, as far as they get on; says so where that is not to the end."""
    page, before = client.get("events", **query, since=since).content, None
    while True:
        yield page
        if page["next"] == before and not page["atEnd"]:
            _warn(HELD_BACK)
        if page["next"] == before or page["atEnd"]:
            return
        before = page["next"]
        page = client.get("events", **query, after=before).content


def _followed(client: Client, query: Mapping[str, Any], seconds: float) -> Iterator[Answer]:
    """The newest page, and all that follow, for ever, without empty ones."""
    after = None
    while True:
        answer = _answered(client, {**query, "after": after}, seconds)
        found, after = answer.content["events"], answer.content["next"]
        if found:
            yield answer
        if answer.content["atEnd"] or not found:
            time.sleep(seconds)


def _answered(client: Client, query: Mapping[str, Any], seconds: float) -> Answer:
    """A page, asked for until it comes: from the same place, so that no event is missed or shown twice."""
    pause = seconds
    while (answer := _tried(client, query, said=pause > seconds)) is None:
        time.sleep(pause)
        pause = min(2 * pause, seconds + LONGEST_PAUSE)
    if pause > seconds:
        _warn(FOUND)
    return answer


def _tried(client: Client, query: Mapping[str, Any], *, said: bool) -> Answer | None:
    """A page, or nothing where another try may get it. Raises ``CliError`` where none will."""
    try:
        return client.get("events", **query)
    except CliError as error:
        begun = query["after"] is not None
        if not (_is_passing(error) or (begun and error.code == UNREACHABLE)):
            raise
        if not said:
            _warn(f"{LOST if error.code == UNREACHABLE else error} Trying again until Ctrl-C.")
        return None


def _is_passing(error: CliError) -> bool:
    return isinstance(error, Refused) and (error.again or error.status in PASSING)


def _warn(text: str) -> None:
    SafeConsole(stderr=True).print(text, highlight=False, markup=False, soft_wrap=True)


def _print(answer: Answer, json: bool) -> None:
    if json:
        print(answer.text, flush=True)
    else:
        say(*(Text(line(event)) for event in answer.content["events"]))


COLUMNS: Final = ("at", "stream", "version", "type", "actor", "data")


def table_row(event: Event) -> Mapping[str, Any]:
    """An event as a row of a table, whose cells are as wide as the widest of them."""
    row = event_row(event)
    return {**row, "data": _shortened(row["data"])}


def event_row(event: Event) -> Mapping[str, Any]:
    """What is shown of an event."""
    return {
        "version": event["version"],
        "type": event["eventType"],
        "at": event["timestamp"],
        "actor": event["metadata"].get("actor"),
        "data": f"{event['error'] or ''} {_data(event)}".strip(),
        "stream": event.get("stream"),
    }


def line(event: Event) -> str:
    """An event of some stream as one line."""
    row = event_row(event)
    return f"{row['at']}  {row['stream']}@{row['version']}  {row['type']}  by {row['actor']}  {row['data']}"


def _shortened(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]} … {len(text):,} characters: --json has them"


def _data(event: Event) -> str:
    return "" if event["payload"] is None else js.dumps(event["payload"], ensure_ascii=False)


def _types(types: list[str] | None) -> str | None:
    return ",".join(types) if types else None
