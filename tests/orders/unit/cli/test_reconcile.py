"""The reconciliation at the command line: run, followed, and its reports read by people and by programs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from openapi_schema_validator import OAS31Validator
from tests.orders.support.documented import DOCUMENT
from tests.orders.support.http import body_of, problem
from tests.orders.support.platform import InProcessPlatform
from tests.orders.unit.cli.conftest import Banyan
from tests.support.clocks import meanwhile
from tests.support.engines import moto_tables

from banyan.reconciliation.reconciler import Runs, RunState

PATH = "/admin/reconciliation"
RUN = "reconcile run --every 0.3"
TOTALS = {"row": {"S": "customer_totals@1#acme#c-1"}, "sort": {"S": ":totals"}}


@pytest.fixture
def platform() -> Iterator[InProcessPlatform]:
    """Two orders whose read models are up to date, and a while ago."""
    with moto_tables() as engine:
        platform = InProcessPlatform(engine)
        for order in ("o-1", "o-2"):
            platform.order(order)
        platform.deliver()
        platform.clock.move(timedelta(minutes=1))
        yield platform


def spoil(platform: InProcessPlatform) -> None:
    """Write a wrong sum behind the projections' back."""
    platform.app.gateway.client.update_item(
        TableName=platform.app.tables.views,
        Key=TOTALS,
        UpdateExpression="SET f_orders = :wrong",
        ExpressionAttributeValues={":wrong": {"N": "7"}},
    )


def told(platform: InProcessPlatform, path: str, documented: str | None = None) -> Any:
    """What an operator is told, which must be as it is documented."""
    answer = platform.ask(path)
    route = DOCUMENT["paths"][documented or path]["get"]
    schema = route["responses"]["200"]["content"]["application/json"]["schema"]
    OAS31Validator({**schema, "components": DOCUMENT["components"]}).validate(body_of(answer))
    return body_of(answer)


def test_a_difference_is_found_shown_and_repaired(platform: InProcessPlatform, banyan: Banyan, tmp_path: Path) -> None:
    assert "There is no report yet" in banyan("reconcile show").stderr
    with meanwhile(platform.functions.run, pause=0.02):
        clean = banyan(RUN)
        spoil(platform)
        drifted = banyan(f"{RUN} --full")
    assert (clean.exit_code, "clean, verified through" in clean.stdout) == (0, True), clean.output
    assert (drifted.exit_code, "orders: 2 → 7" in drifted.stdout) == (1, True), drifted.output

    file = tmp_path / "report.html"
    assert banyan(f"reconcile show --html {file}").exit_code == 1
    heights = [float(bar.get("height", "")) for bar in ElementTree.parse(file).iter("{http://www.w3.org/2000/svg}rect")]
    assert heights == [2.0, 140.0], "the chart shows both runs, oldest first"

    with meanwhile(platform.functions.run, pause=0.02):
        repaired = banyan(f"{RUN} --repair")
    assert (repaired.exit_code, "the row was replaced" in repaired.stdout) == (0, True), repaired.output
    listed = told(platform, f"{PATH}/reports")["reports"]
    assert [(each["differences"], each["repaired"], each["drifted"]) for each in listed] == [
        (1, 1, True),
        (1, 0, True),
        (0, 0, False),
    ]


def test_reports_are_named_and_told_as_documented(platform: InProcessPlatform, banyan: Banyan) -> None:
    platform.functions.start("reconciler", {})
    platform.functions.run()
    (listed,) = banyan.json("reconcile reports")["reports"]
    path = f"{PATH}/reports/{listed['id']}"
    shown = told(platform, path, f"{PATH}/reports/{{id}}")
    assert banyan.json(f"reconcile show {listed['id']}") == shown
    assert {name: shown[name] for name in listed} == listed
    assert listed["id"] in banyan("reconcile reports").stdout
    assert f"The last one, {listed['id']}: clean" in banyan("reconcile status").stdout
    for unknown in ("nothing", "20260105T090000000000Z"):
        assert problem(platform.ask(f"{PATH}/reports/{unknown}")) == (404, "report_not_found")


def test_a_run_is_followed_segment_by_segment_and_never_begun_twice(
    platform: InProcessPlatform, banyan: Banyan
) -> None:
    runs, now = Runs(platform.app.digests), platform.clock()
    assert runs.open() is None
    state = RunState(started_at=now, segments=2, leased_until=now + timedelta(minutes=5))
    runs.save(state)
    assert (told(platform, PATH)["run"]["segments"], told(platform, PATH)["run"]["working"]) == (2, True)
    assert "segment 2" in banyan("reconcile status").stdout
    refused = banyan("reconcile run --no-wait")
    assert (refused.exit_code, "reconciliation_running" in refused.stderr) == (1, True)
    assert not platform.functions.waiting
    runs.save(state.model_copy(update={"leased_until": None}))
    assert "waiting for its next segment" in banyan("reconcile status").stdout
    assert banyan("reconcile run --no-wait").exit_code == 0
    assert list(platform.functions.waiting) == [("reconciler", {"full": False, "repair": False})]


def test_a_run_continues_when_no_one_watches_it(
    platform: InProcessPlatform, banyan: Banyan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("banyan_tools.cli.reconciliation.time", SimpleNamespace(sleep=interrupt))
    left = banyan("reconcile run --repair")
    assert (left.exit_code, "`banyan reconcile status`" in left.stderr) == (130, True)
    assert list(platform.functions.waiting) == [("reconciler", {"full": False, "repair": True})]


def test_a_run_that_does_not_begin_is_not_watched_for_ever(banyan: Banyan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("banyan_tools.cli.reconciliation.LOOKS_TO_BEGIN", 2)
    lost = banyan(RUN)
    assert (lost.exit_code, "the log of Reconciler" in lost.stderr) == (1, True)
