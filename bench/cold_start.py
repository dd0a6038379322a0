"""The first answer of ``command_api`` as built, against the least that a function does to keep an order.

python -m bench.cold_start [--rounds 11]

A round starts each function under Lambda's own emulator and waits for its first answer: the start of the process, its
initialisation and one request to DynamoDB Local (``POST /orders``: those of a whole command) are in it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from banyan_tools.local.errors import StackError
from banyan_tools.runtime.cases import read_case
from banyan_tools.runtime.emulator import Emulator
from bench.deployed import Deployed, deployed, function_process
from bench.ground import Ground, LeftOut
from bench.memory import ALLOWED_MB, peak_megabytes
from bench.results import Figure, Goals, at_most, ratios

SHIPPED: Final = "hello as `sam build` ships it"
COMPILED: Final = "hello, compiled"
OURS: Final = "command_api, as built"
ALLOWED_MS: Final = 100
"""More than the compiled hello, at most."""

TITLE: Final = "Cold start"
USES: Final = ("cold_starts",)
AGAINST_SHIPPED: Final = "first answer of command_api against a hello as `sam build` ships it"
AGAINST_COMPILED: Final = "first answer of command_api: later than that of a compiled hello"
MEMORY: Final = "memory of a warm command_api"
GOALS: Final[Goals] = {AGAINST_SHIPPED: at_most(1), AGAINST_COMPILED: at_most(ALLOWED_MS), MEMORY: at_most(ALLOWED_MB)}
WARM_REQUESTS: Final = 50


@dataclass(frozen=True)
class Start:
    """One first answer: milliseconds of waiting, and of CPU time that the function's process used."""

    wall: float
    cpu: float


def main() -> None:
    """Start every function in turn, round by round, and print medians."""
    with deployed() as functions:
        Console(width=120).print(table(_starts(functions, _options().rounds)))


def measure(ground: Ground) -> Sequence[Figure]:
    """The same as figures.

    Raises
    ------
    LeftOut
        What is deployed cannot be built here.
    """
    ground.step("building what is deployed")
    with ExitStack() as stack:
        try:
            functions = stack.enter_context(deployed())
        except (StackError, StopIteration, subprocess.CalledProcessError) as error:
            raise LeftOut(f"first answers, as `make build` and Python 3.13 are needed: {error!r}") from error
        ground.step("starting functions")
        figures = list(_figures(_starts(functions, ground.sizes.cold_starts)))
        ground.step("keeping a function warm")
        return [*figures, _memory(functions)]


def _memory(functions: Deployed) -> Figure:
    peak = peak_megabytes(functions, "command_api", "CommandApi", WARM_REQUESTS)
    return Figure(MEMORY, [peak], "MB", GOALS[MEMORY], f"after {WARM_REQUESTS} requests")


def _figures(starts: Mapping[str, list[Start]]) -> Iterator[Figure]:
    walls = {name: [start.wall for start in found] for name, found in starts.items()}
    yield Figure(AGAINST_SHIPPED, ratios(walls[OURS], walls[SHIPPED]), "×", GOALS[AGAINST_SHIPPED])
    later = [ours - hello for ours, hello in zip(walls[OURS], walls[COMPILED], strict=True)]
    yield Figure(AGAINST_COMPILED, later, "ms", GOALS[AGAINST_COMPILED])
    for name, found in starts.items():
        yield Figure("first answer: wall time", walls[name], "ms", who=name)
        yield Figure("first answer: CPU time", [start.cpu for start in found], "ms", who=name)


def _starts(functions: Deployed, rounds: int) -> Mapping[str, list[Start]]:
    starts: dict[str, list[Start]] = defaultdict(list)
    for number in range(rounds + 1):
        for name, start in measure_round(functions, number):
            starts[name] += [start] if number else []
    return starts


def measure_round(functions: Deployed, number: int) -> Iterator[tuple[str, Start]]:
    """Start each function once; the first round only fills the machine's caches."""
    makers: Mapping[str, Callable[[], Emulator]] = {
        SHIPPED: lambda: functions.hello(compiled=False),
        COMPILED: lambda: functions.hello(compiled=True),
        OURS: lambda: functions.function("CommandApi"),
    }
    for name, make in makers.items():
        with make() as emulator:
            yield name, first_answer(emulator, number)


def first_answer(emulator: Emulator, number: int) -> Start:
    """Ask once, with an order that is not there yet."""
    request = order(number)
    begun = time.perf_counter()
    answer = emulator.invoke(request)
    wall = time.perf_counter() - begun
    assert answer["statusCode"] == 201, answer
    return Start(wall * 1000, cpu_milliseconds(function_process()))


def order(number: int) -> Any:
    """A request that creates an order of its own."""
    request = read_case("command_api", "create_order")
    body = json.loads(request["body"]) | {"orderId": f"order-{os.getpid()}-{number}"}
    headers = {**request["headers"], "idempotency-key": f"cold-{os.getpid()}-{number}"}
    return {**request, "headers": headers, "body": json.dumps(body)}


def cpu_milliseconds(pid: int) -> float:
    """CPU time of a process so far."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e6


def table(starts: Mapping[str, list[Start]]) -> Table:
    """Medians, and how much later than the compiled hello."""
    shown = Table("first answer", "wall", "CPU", "against hello, compiled", f"≤ it + {ALLOWED_MS} ms")
    walls = {name: median(start.wall for start in found) for name, found in starts.items()}
    for name, found in starts.items():
        later = walls[name] - walls[COMPILED]
        shown.add_row(
            name,
            f"{walls[name]:.0f} ms",
            f"{median(start.cpu for start in found):.0f} ms",
            f"{walls[name] / walls[COMPILED]:.2f}, {later:+.0f} ms",
            ("yes" if later <= ALLOWED_MS else "no") if name == OURS else "",
        )
    return shown


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.cold_start", description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    return parser.parse_args()


if __name__ == "__main__":
    main()
