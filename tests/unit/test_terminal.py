"""What strangers wrote is printed, and no terminal obeys it."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from rich.table import Table
from rich.text import Text
from tests.support.clocks import PATIENCE

from banyan_tools.project import ROOT
from banyan_tools.terminal import SafeConsole


@pytest.mark.parametrize("text", ["\x1b]0;owned\x07", "\x1b[31mred", "a\u202eb", "\x9b2J", "a\rb", "\u2066x", "\x00"])
def test_control_characters_are_not_obeyed_wherever_they_stand(text: str) -> None:
    table = Table(title=Text(text))
    table.add_column(Text(text))
    table.add_row(Text(text))

    for printed in (text, Text(text), table):
        assert [c for c in shown(printed).replace("\n", "") if not c.isprintable()] == []


def test_what_people_write_stays_as_it_is() -> None:
    written = "Müller & Söhne, 東京, עברית, 1 000\N{NO-BREAK SPACE}€\nsecond line"

    assert shown(written) == written + "\n"


def shown(printed: str | Text | Table) -> str:
    """What a console writes for it."""
    file = io.StringIO()
    SafeConsole(file=file, width=80).print(printed, markup=False, highlight=False)
    return file.getvalue()


@pytest.mark.parametrize(
    "module",
    [
        "telemetry.tools.importer import f.csv --device a",
        pytest.param("telemetry.tools.importer check f.csv --device a", marks=pytest.mark.slow),
        pytest.param("ledger.tools.importer import f.csv", marks=pytest.mark.slow),
        pytest.param("orders.tools.importer f.csv", marks=pytest.mark.slow),
        pytest.param("orders.tools.legacy f.csv", marks=pytest.mark.slow),
        "orders.tools.demo",
        pytest.param("orders.tools.drill", marks=pytest.mark.slow),
    ],
)
def test_who_mistypes_an_option_of_a_target_is_sent_to_where_it_is_listed(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *module.split(), "--nope", "1"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=PATIENCE,
    )
    assert (done.returncode, "Try 'make help'" in done.stderr, "--help" in done.stderr) == (2, True, False)
