"""Counts what a reader of the engine has to follow: its files, and the way of one warm request through them.

python -m bench.hops
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path
from statistics import quantiles
from types import FrameType
from typing import Any

from rich.console import Console
from rich.table import Table
from tests.orders.support.http import CONTEXT, ORDER, event
from tests.support.engines import moto_tables
from tests.support.stream_records import record

import banyan
from banyan.bootstrap import Application, bootstrap
from banyan.entrypoints.changes import mark_touched
from banyan.entrypoints.http.api import Api, command_api
from banyan.entrypoints.stream_batches import project_records, read_records
from banyan.streams import StreamId

ENGINE = Path(banyan.__file__).parent
ANNOTATED = re.compile(r"^\*{0,2}\w+(, \*{0,2}\w+)*( : .+)?$")


@dataclass
class Way:
    """What one call went through, of the engine's own code.

    Attributes
    ----------
    files : Counter[str]
        Calls into each file.
    hops : int
        Calls out of one file of the engine into another.
    """

    files: Counter[str] = field(default_factory=Counter)
    functions: set[tuple[str, str, int]] = field(default_factory=set)
    hops: int = 0

    def profile(self, frame: FrameType, what: str, _: object) -> None:
        """Note a call; a generator that resumes counts as one."""
        if what != "call" or not _of_engine(frame):
            return
        code = frame.f_code
        self.files[code.co_filename] += 1
        self.functions.add((code.co_filename, code.co_qualname, code.co_firstlineno))
        caller = _caller(frame)
        self.hops += caller is not None and caller != code.co_filename


def walked(call: Callable[[], object]) -> Way:
    """The way of a call."""
    way = Way()
    sys.setprofile(way.profile)
    try:
        call()
    finally:
        sys.setprofile(None)
    return way


def main() -> None:
    """Print both tables, and the files of each way."""
    found = ways()
    console = Console(width=120)
    console.print(_house(), _table(found))
    for name, way in found.items():
        console.print(f"\n[bold]{name}[/]")
        for file, calls in way.files.most_common():
            console.print(f"{calls:5}  {Path(file).relative_to(ENGINE)}", highlight=False)


def ways() -> Mapping[str, Way]:
    """The ways of one warm ``POST /orders`` and of its stream record, by what they are called in the table."""
    with moto_tables() as engine:
        names = {f"{name.upper()}_TABLE": getattr(engine.tables, name) for name in type(engine.tables).model_fields}
        app = bootstrap({"BANYAN_DOMAIN": "orders", **names}, client=lambda: engine.client)
        api = command_api(app)
        for number in range(2):
            _post(api, f"warm-{number}")
            _project(app, f"warm-{number}")
        return {
            "POST /orders, warm": walked(lambda: _post(api, "o-1")),
            "one stream record → row": walked(_projecting(app, "o-1")),
        }


def _post(api: Api, order: str) -> None:
    answer = api(event("POST", "/orders", ORDER | {"orderId": order}), CONTEXT)
    assert answer["statusCode"] == HTTPStatus.CREATED, answer


def _project(app: Application, order: str) -> None:
    _projecting(app, order)()


def _projecting(app: Application, order: str) -> Callable[[], None]:
    """What the projector does with the record of an order."""
    (commit,) = app.store.commits(StreamId("acme", "order", order))
    batch: Any = {"Records": [record(1, commit)]}

    def project() -> None:
        records = read_records(batch["Records"])
        if records.touched:
            mark_touched(records.touched, app.digests, app.clock())
        assert project_records(records, app.processor, app.telemetry) == {"batchItemFailures": []}

    return project


def _table(ways: Mapping[str, Way]) -> Table:
    table = Table("", "files", "functions", "calls", "hops")
    for name, way in ways.items():
        row = (len(way.files), len(way.functions), way.files.total(), way.hops)
        table.add_row(name, *map(str, row))
    return table


def _house() -> Table:
    trees = {path: ast.parse(path.read_text()) for path in sorted(ENGINE.rglob("*.py"))}
    lines = [len(path.read_text().splitlines()) for path in trees]
    cuts = quantiles([count for count in lines if count > 1], n=100)
    classes = Counter(node.name for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    twice = sorted(name for name, count in classes.items() if count > 1 and not name.startswith("_"))
    parameters = [text for tree in trees.values() for text in _parameters(tree)]
    table = Table("the engine", "")
    table.add_row("files", str(len(lines)))
    table.add_row("lines", f"{sum(lines):,}")
    table.add_row("lines of a file: median / p90 / max", f"{cuts[49]:.0f} / {cuts[89]:.0f} / {max(lines)}")
    table.add_row("class names that exist twice", f"{len(twice)}: {', '.join(twice)}")
    table.add_row(
        "parameters documented without a word", f"{sum(not text for text in parameters)} of {len(parameters)}"
    )
    return table


def _parameters(tree: ast.Module) -> Iterator[bool]:
    """For each documented parameter whether its docstring says more than its name and type."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and (text := ast.get_docstring(node)):
            yield from _said(text.splitlines())


def _said(lines: Sequence[str]) -> Iterator[bool]:
    sections = [number for number, line in enumerate(lines) if re.fullmatch("-{3,}", line)]
    for start, end in pairwise([*sections, len(lines) + 1]):
        if lines[start - 1] not in ("Parameters", "Attributes"):
            continue
        entries = [n for n in range(start + 1, end - 1) if lines[n] and ANNOTATED.match(lines[n])]
        for entry in entries:
            yield entry + 1 < end - 1 and lines[entry + 1].startswith("    ")


def _of_engine(frame: FrameType) -> bool:
    """Whether a frame is a function's; a comprehension is part of the one around it."""
    code = frame.f_code
    return code.co_filename.startswith(str(ENGINE)) and not code.co_name.startswith("<")


def _caller(frame: FrameType) -> str | None:
    """File of the engine's code that led to a call, directly or through a library."""
    before = frame.f_back
    while before and not _of_engine(before):
        before = before.f_back
    return before.f_code.co_filename if before else None


if __name__ == "__main__":
    main()
