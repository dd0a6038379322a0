"""The command line of the drills."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console

from banyan.text import counted
from banyan_tools.cli.errors import CliError
from banyan_tools.local.engine import Engine
from banyan_tools.local.errors import StackError
from banyan_tools.runtime.backend import backend
from orders.tools.drill.poison import mend, poison
from orders.tools.drill.proofs import Proofs
from orders.tools.drill.rebuild import rebuild
from orders.tools.drill.scene import Scene
from orders.tools.drill.waiting import DrillFailed
from orders.tools.importer.planning import Order, plan
from orders.tools.importer.reading import read_file

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    file: Annotated[Path, typer.Argument(help="An Online Retail CSV.")],
    engine: Annotated[Engine, typer.Option(help="What the tables stand on.")] = Engine.DYNAMODB_LOCAL,
    first: Annotated[int, typer.Option(min=0, help="Only so many orders of the file; 0 for all.")] = 0,
) -> None:
    """Break one event's projection and mend it; then rebuild under traffic, killing the worker. Exit 1 if it fails."""
    orders = planned(file, first)
    console, proofs = Console(), Proofs()
    try:
        with backend(engine) as services, TemporaryDirectory() as data:
            drill(Scene(services, Path(data)), orders, proofs)
    except (CliError, DrillFailed, StackError) as error:
        proofs.add("", "the drill comes to its end", False, error)
    finally:
        console.print(proofs.table(f"{counted(len(orders), 'order')} of {file.name} on {engine}"), highlight=False)
    raise typer.Exit(0 if proofs.hold else 1)


def planned(file: Path, first: int = 0) -> Sequence[Order]:
    """Orders of a file, or the first of them."""
    orders = plan(read_file(file)).orders
    return orders[:first] if first else orders


def drill(scene: Scene, orders: Sequence[Order], proofs: Proofs) -> None:
    """Both drills, one after the other over the same tables."""
    poison(scene, orders, proofs)
    with scene.stack() as mended:
        mend(scene, mended.url, orders, proofs)
        rebuild(scene, mended.url, orders, proofs)
