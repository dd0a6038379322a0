"""Invokes a function with a sample event: python -m banyan_tools.runtime FUNCTION EVENT."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from banyan_tools.local.command_line import CommandLine
from banyan_tools.local.errors import StackError
from banyan_tools.local.options import DOMAIN, engine
from banyan_tools.runtime.backend import backend
from banyan_tools.runtime.cases import cases, read_case
from banyan_tools.runtime.emulator import FunctionFailed, emulator_binary
from banyan_tools.runtime.sandbox import Sandbox, load_template
from banyan_tools.samples.history import TENANT
from banyan_tools.samples.kinesis_records import STREAM_ARN

PROJECTOR = "projector"
INGEST = "ingest"
INGESTING = {"IngestStream": STREAM_ARN, "IngestTenant": TENANT}
"""Without a stream there is no such function."""
FIRST = (PROJECTOR, "insert")
"""What fills the read models before another function is invoked, where the project has such an event."""


def main() -> int:
    """Print the function's answer, and its log on standard error; 1 when it failed."""
    try:
        arguments = parsed()
        emulator_binary()
        event = read_event(arguments.function, arguments.event, arguments.domain)
        return invoke(arguments.engine, arguments.function, event, arguments.domain)
    except StackError as error:
        print(error, file=sys.stderr)
        return 2


def invoke(engine: str, function: str, event: Any, domain: str = "") -> int:
    """Invoke a function on tables that hold the seed of the domain it serves, and print what it says.

    Raises
    ------
    StackError
    """
    chosen = {DOMAIN: domain} if domain else {}
    template = load_template(**chosen, **(INGESTING if function == INGEST else {}))
    with backend(engine) as services, Sandbox(template, services, domain) as sandbox:
        emulator = sandbox.emulator(function)
        if function != PROJECTOR and FIRST in cases(domain):
            sandbox.invoke(PROJECTOR, read_case(*FIRST, domain))
        try:
            print(json.dumps(emulator.invoke(event), indent=2))
        except FunctionFailed as error:
            print(error, file=sys.stderr)
            return 1
        finally:
            print(emulator.log, file=sys.stderr)
    return 0


def read_event(function: str, event: str, domain: str = "") -> Any:
    """Return the event of a file, or a sample by its name.

    Raises
    ------
    StackError
        There is no such file, or it is not JSON.
    """
    if not event.endswith(".json"):
        return read_case(function, event, domain)
    try:
        return json.loads(Path(event).read_text())
    except (OSError, ValueError) as error:
        raise StackError(f"{event} cannot be read: {error}") from None


def parsed() -> argparse.Namespace:
    """Return the command line's arguments. Raises ``StackError``."""
    parser = CommandLine(prog="python -m banyan_tools.runtime", description="Invoke a function of template.yaml.")
    parser.add_argument("function", help="folder of the function, for example command_api")
    parser.add_argument("event", help="name of a file in events/FUNCTION, or the path of a JSON file")
    parser.add_argument("--domain", default="", help="what the function serves (default: what the template says)")
    parser.add_argument("--engine", type=engine, default="moto", help="what the tables stand on")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
