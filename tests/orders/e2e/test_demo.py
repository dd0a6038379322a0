"""The demonstration proves what it says, and says so when it is not so."""

from __future__ import annotations

import io
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console
from tests.orders.unit.importer.files import SAMPLE
from tests.support.clocks import lengthy

from banyan_tools.local.engine import Engine
from orders.tools.demo.cli import verdict
from orders.tools.demo.options import Options
from orders.tools.demo.plan import script
from orders.tools.demo.play import picture, play, proven
from orders.tools.demo.screen import Screen
from orders.tools.demo.stage import EVENTS, TENANT, Stage, staged
from orders.tools.legacy.kinds import Kind

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


@lengthy
@pytest.mark.parametrize("legacy", Kind)
@pytest.mark.parametrize("engine", [Engine.MOTO, pytest.param(Engine.DYNAMODB_LOCAL, marks=pytest.mark.dynamodb_local)])
def test_the_demonstration_proves_that_nothing_was_lost(engine: Engine, legacy: Kind, tmp_path: Path) -> None:
    options = Options(
        engine,
        legacy,
        SAMPLE,
        copies=3,
        stable=3.0,
        quiet=1.0,
        window=1.0,
        samples=5,
        tampered=8,
        seconds=60.0,
        out=tmp_path / "demo.svg",
    )
    planned = script(options)
    with staged(options, tmp_path / "stack") as stage:
        screen = Screen(Console(file=io.StringIO()), planned.commands)
        ledger, outcome = play(stage, options, planned, screen)
        found = proven(stage, ledger, outcome)
        assert [check for check in found if check.faults] == []
        assert verdict(found) == 0
        assert (outcome.planted, outcome.found, outcome.repaired, outcome.false_alarms) == (11, 11, 11, [])
        assert len(ledger.acknowledged) == planned.commands

        lose(stage, next(iter(ledger.orders())))
        assert verdict(proven(stage, ledger, outcome)) == 1
    picture(options, screen, ledger, time.monotonic())
    told = "".join(ElementTree.parse(options.out).getroot().itertext())
    assert {"canary 100 %", "complete"} <= {entry.text for entry in screen.diary.entries}
    assert "rows of the read model are falsified" in told


def lose(stage: Stage, order: str) -> None:
    """Remove the first commit of an order, as no one is allowed to."""
    key = {"stream": {"S": f"{TENANT}:order:{order}"}, "position": {"N": "1"}}
    stage.dynamodb.delete_item(TableName=EVENTS, Key=key)
