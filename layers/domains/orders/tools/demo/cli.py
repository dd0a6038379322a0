"""The command line of the demonstration."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.console import Console

from banyan_tools.cli.errors import CliError
from banyan_tools.local.engine import Engine
from banyan_tools.local.errors import StackError
from banyan_tools.project import ROOT
from orders.tools.demo.checks import Check
from orders.tools.demo.options import Options
from orders.tools.demo.plan import Script, script
from orders.tools.demo.play import picture, play, proven
from orders.tools.demo.screen import Screen, table
from orders.tools.demo.stage import staged
from orders.tools.demo.story import StoryFailed
from orders.tools.importer.reading import NotOnlineRetailError
from orders.tools.legacy.kinds import Kind

REAL = ROOT.parent / "shared" / "data" / "online_retail_2010-12.csv"
SAMPLE = ROOT / "layers" / "domains" / "orders" / "tools" / "importer" / "sample.csv"
COPIES = 6
"""The sample is small: its orders are taken several times over."""

app = typer.Typer(add_completion=False)


@app.command()
def main(
    engine: Annotated[Engine, typer.Option(help="What stands in for DynamoDB.")] = Engine.MOTO,
    legacy: Annotated[Kind, typer.Option(help="What the legacy system stands on.")] = Kind.POSTGRES,
    file: Annotated[Path | None, typer.Option(help="An Online Retail CSV.")] = None,
    out: Annotated[Path, typer.Option(help="Where the timeline is drawn.")] = Path(".banyan/demo.svg"),
) -> None:
    """Move a live order system into the event store, with faults on the way, and prove that nothing was lost."""
    chosen = file or (REAL if REAL.is_file() else SAMPLE)
    options = Options(engine, legacy, chosen, copies=_copies(chosen), out=out)
    raise typer.Exit(run(options, Console()))


def _copies(file: Path) -> int:
    return COPIES if file.resolve() == SAMPLE else 1


def run(options: Options, console: Console) -> int:
    """Perform; 0 when everything is proven, 1 when something is off, 2 when it could not be played."""
    began = time.monotonic()
    try:
        planned = script(options)
        _announce(options, planned, console)
        with tempfile.TemporaryDirectory(prefix="banyan-demo-") as data, console.status("starting the local stack"):
            return _performed(options, planned, console, Path(data), began)
    except (OSError, NotOnlineRetailError, StackError) as error:
        console.print(f"{error}", style="red", highlight=False, markup=False)
        return 2
    except (StoryFailed, CliError, httpx.HTTPError) as error:
        console.print(f"The story could not be played: {error}", style="red", highlight=False, markup=False)
        return 1


def _performed(options: Options, planned: Script, console: Console, data: Path, began: float) -> int:
    with staged(options, data / "stack") as stage:
        screen = Screen(console, planned.commands)
        with screen.progress:
            ledger, outcome = play(stage, options, planned, screen)
            found = proven(stage, ledger, outcome)
    picture(options, screen, ledger, time.monotonic())
    console.print(table(found))
    console.print(f"The timeline is drawn in {options.out}; it all took {time.monotonic() - began:.0f} s.")
    return verdict(found)


def verdict(found: Sequence[Check]) -> int:
    """The exit code: 0 when nothing is off."""
    return int(any(check.faults for check in found))


def _announce(options: Options, planned: Script, console: Console) -> None:
    if options.copies > 1:
        console.print(f"No retailer's file at hand: the project's own sample is played, {COPIES} times over.")
    console.print(
        f"{len(planned.rows)} orders of {options.file.name} lie in a legacy store on {options.legacy.value};"
        f" {planned.commands} commands come through the API meanwhile, on {options.engine.value}."
        f" {options.stable:.0f} s stand for the 24 hours that each step must be healthy.",
        highlight=False,
    )
