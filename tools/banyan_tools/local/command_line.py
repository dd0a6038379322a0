"""Command lines that are refused in a sentence, as they are typed with make."""

from __future__ import annotations

import argparse
from typing import Final, NoReturn

from banyan_tools.local.errors import StackError

LARGEST_PORT: Final = 65_535
DIGITS: Final = len(str(LARGEST_PORT))


class CommandLine(argparse.ArgumentParser):
    """A parser that raises ``StackError`` with the reason alone: who typed a target of make knows no usage of it."""

    def error(self, message: str) -> NoReturn:
        """Raise ``StackError``."""
        raise StackError(f"{message[0].upper()}{message[1:]}.")


def port(text: str) -> int:
    """Return the number of a port at which a server can be found. Raises ``StackError``."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= DIGITS else 0
    if not 0 < number <= LARGEST_PORT:
        raise StackError(f"{text!r} is not a port: choose a number from 1 to {LARGEST_PORT} with PORT=.")
    return number


def assignment(text: str) -> tuple[str, str]:
    """Return the two sides of ``NAME=VALUE``. Raises ``StackError``."""
    name, sign, value = text.partition("=")
    if not sign:
        raise StackError(f"{text!r} is not NAME=VALUE, as parameters of the template are given.")
    return name, value
