"""What may happen to an operator, done with a few orders of the sample; `make drill` does it with a whole file."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.orders.unit.importer.files import SAMPLE
from tests.support.clocks import lengthy

from banyan_tools.runtime.backend import backend
from orders.tools.drill.alarms import Alarm, incident
from orders.tools.drill.cli import drill, planned
from orders.tools.drill.proofs import Proofs
from orders.tools.drill.scene import Scene

ORDERS = 6
ENGINES = ["moto", pytest.param("dynamodb-local", marks=pytest.mark.dynamodb_local)]


@lengthy
@pytest.mark.stack
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_is_lost_by_a_poisoned_event_or_by_a_killed_rebuild(engine: str, tmp_path: Path) -> None:
    proofs = Proofs()
    with backend(engine) as services:
        drill(Scene(services, tmp_path), planned(SAMPLE, ORDERS), proofs)
    assert [proof for proof in proofs.found if not proof.holds] == []
    assert {proof.drill for proof in proofs.found} == {"poison", "rebuild"}


def test_a_drill_without_proofs_has_failed() -> None:
    assert not Proofs().hold


@pytest.mark.parametrize(
    ("datapoints", "rings"),
    [([], False), ([(0.0, 1.0)], True), ([(0.0, 0.0), (61.0, 0.0)], False)],
)
def test_an_alarm_rings_as_it_is_declared(datapoints: list[tuple[float, float]], rings: bool) -> None:
    assert incident("ProjectionParked").rings(datapoints) is rings


def test_an_alarm_sums_up_a_period_and_no_more() -> None:
    alarm = Alarm("m", "GreaterThanOrEqualToThreshold", threshold=3, period=60)
    assert not alarm.rings([(59.0, 2.0), (61.0, 2.0)])
    assert alarm.rings([(61.0, 2.0), (62.0, 1.0)])
