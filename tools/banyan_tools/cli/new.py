"""`banyan new DIR [--domain NAME] [--from EXAMPLE]`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from banyan_tools.cli.errors import CliError
from banyan_tools.cli.output import say
from banyan_tools.new.create import NotCreated, create, known_starts, next_commands
from banyan_tools.new.starts import TASKS


def new(
    folder: Annotated[Path, typer.Argument(help="A folder that is not there yet, or empty.")],
    domain: Annotated[str, typer.Option(help="The Python package of the domain: the folder's name by default.")] = "",
    start: Annotated[
        str, typer.Option("--from", help=f"What it begins with: one of {', '.join(known_starts())}.")
    ] = TASKS,
) -> None:
    """Make a project with a domain to begin with: it runs, is tested, and can be deployed."""
    try:
        create(folder, domain or folder.absolute().name, start)
    except NotCreated as error:
        raise CliError(str(error)) from None
    except OSError as error:
        raise CliError(f"{folder} cannot be written: {error.strerror}.") from None
    say(f"Made {folder}; its README.md says what is where. To set it up and run it:")
    print(f"\n{next_commands(folder)}")
