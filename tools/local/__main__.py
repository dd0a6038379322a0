"""``python -m tools.local``: run the local stack until Ctrl-C."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence

from tools.local.console import Console
from tools.local.errors import StackError
from tools.local.options import Options, parse
from tools.local.signals import ignore_every_signal, interrupt_on_every_signal
from tools.local.stack import FUNCTIONS_LOG, Stack
from tools.local.token import make_token

ORDER = '{"customerId":"c-1","items":[{"sku":"tea","quantity":2,"price":"4.50"}]}'


def main() -> int:
    """Run the stack; return the exit code: 0 when it was stopped, 2 when it could not start."""
    interrupt_on_every_signal()
    options, console = parse(sys.argv[1:]), Console(sys.stdout)
    try:
        run(options, console)
    except StackError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        console.say("Banyan has stopped.")
    return 0


def run(options: Options, console: Console) -> None:
    """Run the stack until a signal ends it."""
    started = time.monotonic()
    with Stack(options, console) as stack:
        url = stack.start()
        console.say(welcome(options, url, stack.public_paths(), time.monotonic() - started))
        try:
            threading.Event().wait()
        finally:
            ignore_every_signal()


def welcome(options: Options, url: str, public_paths: Sequence[str], seconds: float) -> str:
    """Return where the stack answers, and a command that posts a first order."""
    public = " ".join(url + path for path in public_paths)
    return f"""Banyan is running at {url} ({options.engine}), ready in {seconds:.1f} s.
  Public without a token: {public}
  Function logs go to {options.data / FUNCTIONS_LOG}; Ctrl-C stops.

Post a first order:

curl -s {url}/orders -d '{ORDER}' \\
  -H 'Content-Type: application/json' -H 'Authorization: Bearer {make_token("acme", options.data)}'
"""


if __name__ == "__main__":
    sys.exit(main())
