"""``python -m banyan_tools.local``: run the local stack until Ctrl-C."""

from __future__ import annotations

import sys
import time

from banyan_tools.local.console import Console
from banyan_tools.local.domain import asked_scopes, first_request
from banyan_tools.local.door import KINESIS
from banyan_tools.local.errors import StackError
from banyan_tools.local.options import Options, parse
from banyan_tools.local.signals import interrupt_on_every_signal
from banyan_tools.local.stack import FUNCTIONS_LOG, Stack
from banyan_tools.local.token import TENANT, make_token

CONSOLE = "/console"
OPERATOR = ("banyan/admin", "banyan/events")
"""Scopes of whoever opens the console."""
LOOK_SECONDS = 0.1
"""A signal that another thread receives does not end this one's sleep: it is seen when the sleep is over."""


def main() -> int:
    """Run the stack; return the exit code: 0 when it was stopped, 2 when it could not start."""
    interrupt_on_every_signal()
    console = Console(sys.stdout)
    try:
        run(parse(sys.argv[1:]), console)
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
        console.say(welcome(options, url, stack, time.monotonic() - started))
        while True:
            time.sleep(LOOK_SECONDS)


def welcome(options: Options, url: str, stack: Stack, seconds: float) -> str:
    """Return where the stack answers, and a command to begin with."""
    public = " ".join(url + path for path in stack.public_paths())
    console = console_link(options, url) if CONSOLE in stack.public_paths() else ""
    streams = "".join(how_to_put(url, stream) for stream in stack.streams)
    first = first_request(stack.domain, url, make_token(TENANT, options.data, scopes=asked_scopes(stack.domain)))
    return f"""Banyan is running at {url} ({options.engine}), ready in {seconds:.1f} s.{console}
  Public without a token: {public}
  Function logs go to {stack.folder / FUNCTIONS_LOG}; Ctrl-C stops.{streams}

{first}"""


def console_link(options: Options, url: str) -> str:
    """Return the link that opens the console and signs in there; a fragment is never sent anywhere."""
    token = make_token(TENANT, options.data, scopes=OPERATOR)
    return f"\n  Console: {url}{CONSOLE}#token={token}"


def how_to_put(url: str, stream: str) -> str:
    """Return where other programs put records on a Kinesis stream."""
    return f"\n  Records for the Kinesis stream {stream}: --endpoint-url {url}{KINESIS}, kept until the stack stops."


if __name__ == "__main__":
    sys.exit(main())
