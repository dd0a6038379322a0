"""The command line: plant, test, report."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from banyan_tools.local.dynamodb_local import DynamoDBLocal, unavailable
from banyan_tools.mutants.operators import Mutation, mutations, shown
from banyan_tools.mutants.rooms import ENGINE, ROOMS
from banyan_tools.mutants.scratch import Scratch
from banyan_tools.project import ROOT

SHARED = "BANYAN_TESTS_SHARE_DYNAMODB_LOCAL"
"""Where the tests find a DynamoDB Local that runs already."""
CONTEXT = 30
"""So many characters are printed on both sides of a change."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    room: Annotated[
        list[str] | None, typer.Option(help=f"Part of the engine: {', '.join(ROOMS)}; all by default.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="How many bugs to plant in each.")] = 20,
    seed: Annotated[int, typer.Option(help="Chooses them; the same seed chooses the same bugs.")] = 0,
) -> None:
    """Plant bugs one at a time in a copy of the source, and report which the tests notice. Exit 1 if it cannot."""
    console = Console()
    try:
        killed, planted = (sum(each) for each in zip(*run(console, room or list(ROOMS), count, seed), strict=True))
    except (CannotRun, KeyError) as error:
        console.print(f"It cannot run: {error}", style="red")
        raise typer.Exit(1) from error
    console.print(f"{killed} of {planted} noticed ({killed / planted:.0%})")


class CannotRun(Exception):
    """The tests fail without any bug."""


def run(console: Console, rooms: Sequence[str], count: int, seed: int) -> list[tuple[int, int]]:
    """Plant in each room; how many were noticed, of how many."""
    with ExitStack() as stack:
        environment = {}
        if not unavailable():
            environment[SHARED] = stack.enter_context(DynamoDBLocal()).endpoint
        scratch = Scratch(Path(stack.enter_context(TemporaryDirectory())), environment)
        return [_room(console, scratch, room, count, seed) for room in rooms]


def chosen(scratch: Scratch, room: str, count: int, seed: int) -> list[tuple[Path, Mutation]]:
    """Bugs of a room, as a seed picks them."""
    found = [
        (file, each)
        for file in ROOMS[room].files(scratch.tree)
        for each in mutations((scratch.tree / file).read_text())
    ]
    return random.Random(seed).sample(found, min(count, len(found)))


def _room(console: Console, scratch: Scratch, room: str, count: int, seed: int) -> tuple[int, int]:
    bugs = chosen(scratch, room, count, seed)
    tests = ROOMS[room].chosen(ROOT)
    with Progress(console=console) as progress:
        task = progress.add_task(f"{room}: without a bug", total=len(bugs))
        if not scratch.passes(tests):
            raise CannotRun(f"the tests of {room} fail without any bug.")
        progress.update(task, description=room)
        killed = 0
        for file, bug in bugs:
            noticed = scratch.notices(file, bug, tests)
            killed += noticed
            progress.advance(task)
            progress.console.print(_line(file, bug, noticed), soft_wrap=True, markup=False, highlight=False)
    console.print(f"{room}: {killed} of {len(bugs)} noticed")
    return killed, len(bugs)


def _line(file: Path, bug: Mutation, noticed: bool) -> str:
    old, new = shown(bug.old), shown(bug.new)
    begin = _same(old, new)
    end = _same(old[begin:][::-1], new[begin:][::-1])
    old, new = (text[max(0, begin - CONTEXT) : len(text) - max(0, end - CONTEXT)] for text in (old, new))
    return f"{'noticed ' if noticed else 'SURVIVED'}  {file.relative_to(ENGINE)}:{bug.line}  {old}  →  {new}"


def _same(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
