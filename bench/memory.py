"""Measures the most memory that each function as built has had after some requests.

python -m bench.memory [--requests 100]
"""

from __future__ import annotations

import argparse
import re
from itertools import cycle, islice
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from banyan_tools.runtime.cases import cases, read_case
from bench.deployed import Deployed, deployed, function_process

ALLOWED_MB: Final = 80
PEAK: Final = re.compile(r"VmHWM:\s+(\d+) kB")


def main() -> None:
    """Start each function, send its sample events in turn, and print what it took at most."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--requests", type=int, default=100)
    requests = parser.parse_args().requests
    shown = Table("function", f"most memory in {requests} requests", f"≤ {ALLOWED_MB} MB")
    with deployed() as functions:
        for folder, name in functions.names.items():
            peak = peak_megabytes(functions, folder, name, requests)
            shown.add_row(folder, f"{peak:.0f} MB", "yes" if peak <= ALLOWED_MB else "no")
    Console(width=120).print(shown)


def peak_megabytes(functions: Deployed, folder: str, name: str, requests: int) -> float:
    """The most memory that a function's process has had resident."""
    events = [read_case(folder, case) for function, case in cases() if function == folder]
    with functions.function(name) as emulator:
        for event in islice(cycle(events), requests):
            emulator.invoke(event)
        found = PEAK.search(Path(f"/proc/{function_process()}/status").read_text())
    assert found
    return int(found[1]) / 1024


if __name__ == "__main__":
    main()
