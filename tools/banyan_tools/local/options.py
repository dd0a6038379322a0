"""The command line of the local stack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from banyan_tools.local.command_line import CommandLine, assignment, port
from banyan_tools.local.engine import ENGINES, OUTSIDE
from banyan_tools.local.errors import StackError
from banyan_tools.local.token import DATA

DOMAIN = "Domain"
"""The parameter of the template that names the packages to serve."""


@dataclass(frozen=True)
class Options:
    """How the stack is to run.

    Parameters
    ----------
    engine : str
        ``moto``, ``dynamodb-local``, or ``outside`` for services that other processes run.
    data : Path
        Folder for the key, the functions' log and DynamoDB Local's tables.
    parameters : dict[str, str]
        Template parameters that differ from their defaults.
    domain : str
        Packages to serve in place of the template's default; what they store has a folder of its own in ``data``.
    keep : bool
        The tables of moto are kept in ``data`` over restarts; those of DynamoDB Local always are.
    only, without : str
        Logical id of the only function, or of the one function not, that gets its events here and not elsewhere.
    """

    port: int
    engine: str
    data: Path
    template: Path
    parameters: dict[str, str]
    domain: str = ""
    keep: bool = False
    only: str = ""
    without: str = ""

    def folder(self, default: str) -> Path:
        """Where logs and tables of the served domain lie, beside those of the template's ``default``."""
        return self.data / "domains" / self.domain if self.domain not in ("", default) else self.data

    def feeds(self, function: str) -> bool:
        """Whether a function, by its logical id, gets its events and schedules here."""
        return function == self.only if self.only else function != self.without


def parse(arguments: Sequence[str]) -> Options:
    """Return the options of a command line. Raises ``StackError``."""
    parser = CommandLine(prog="python -m banyan_tools.local", description="Serve template.yaml here.")
    parser.add_argument("--port", type=port, default=3000, help="default: %(default)s")
    parser.add_argument(
        "--engine",
        type=lambda text: text if text == OUTSIDE else engine(text),
        default=ENGINES[0],
        help="default: %(default)s",
    )
    parser.add_argument("--data", type=Path, default=DATA, help="data folder (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="keep the tables of moto in the data folder over restarts")
    parser.add_argument("--only", default="", help="function whose event sources run here, and no others")
    parser.add_argument("--without", default="", help="function whose event sources run elsewhere")
    parser.add_argument("--template", type=Path, default=Path("template.yaml"), help="default: %(default)s")
    parser.add_argument(
        "--parameter", type=assignment, action="append", default=[], metavar="NAME=VALUE", dest="parameters"
    )
    parser.add_argument(
        "--domain", default="", help="packages to serve (default: the template's), with data of their own"
    )
    given = parser.parse_args(arguments)
    parameters = dict(given.parameters) | ({DOMAIN: given.domain} if given.domain else {})
    return Options(**(vars(given) | {"parameters": parameters}))


def engine(text: str) -> str:
    """Return the name of what a user's tables can stand on. Raises ``StackError``."""
    if text not in ENGINES:
        raise StackError(f"There is no engine {text!r}: choose {' or '.join(ENGINES)} with ENGINE=.")
    return text
