"""`banyan trace ID`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer
from rich.text import Text
from rich.tree import Tree

from banyan_tools.cli.client import Client
from banyan_tools.cli.output import Json, show

Entry = Mapping[str, Any]


def trace(
    context: typer.Context,
    id: Annotated[str, typer.Argument(help="Correlation id of a request: the X-Correlation-Id of its answer.")],
    tenant: Annotated[str | None, typer.Option(help="Whose streams; by default those of the token's tenant.")] = None,
    json: Json = False,
) -> None:
    """Show everything that one request set off, each event below its cause."""
    client: Client = context.obj
    answer = client.get("correlations", id, tenant=tenant)
    shown = [tree(id, answer.content["entries"])]
    rest = [] if answer.content["complete"] else [Text("There is more: the trace has too many commits to show.")]
    show(answer, json, *shown, *rest)


def tree(id: str, entries: Iterable[Entry]) -> Tree:
    """Events by their causes, in the order of time."""
    effects: defaultdict[str | None, list[Entry]] = defaultdict(list)
    for entry in entries:
        effects[entry["parent"]].append(entry)
    root = Tree(Text(id))
    _grow(root, None, effects)
    return root


def _grow(branch: Tree, cause: str | None, effects: Mapping[str | None, list[Entry]]) -> None:
    for entry in effects.get(cause, ()):
        _grow(branch.add(Text(_line(entry))), entry["eventId"], effects)


def _line(entry: Entry) -> str:
    back = "  (compensation)" if entry["compensation"] else ""
    return (
        f"{entry['timestamp']}  {entry['streamId']}@{entry['version']}  {entry['eventType']}  by {entry['actor']}{back}"
    )
