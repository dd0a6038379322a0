from __future__ import annotations

import io
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.clocks import wait_until
from tests.unit.local.conftest import Worker, Write, fail

from banyan_tools.local import schedules as module
from banyan_tools.local.console import Console
from banyan_tools.local.errors import StackError
from banyan_tools.local.schedules import Clockwork, Schedule, schedules
from banyan_tools.local.timetable import timetable

MONDAY = datetime(2026, 11, 23, 10, 1, 30, tzinfo=UTC)
EVERY_MINUTE = Schedule("Tick", "arn:rule", "rate(1 minute)", "arn:function", "aws.events", None)
RESOURCES = """
    Rule:
      Type: AWS::Events::Rule
      Properties: {ScheduleExpression: rate(6 hours), Targets: [{Arn: arn:one, Id: one}, {Arn: arn:two, Id: two}]}
    Off:
      Type: AWS::Events::Rule
      Properties: {ScheduleExpression: rate(1 hour), State: DISABLED, Targets: [{Arn: arn:one, Id: one}]}
    Watch:
      Type: AWS::Events::Rule
      Properties: {EventPattern: {source: [banyan]}, Targets: [{Arn: arn:one, Id: one}]}
    Scheduler:
      Type: AWS::Scheduler::Schedule
      Properties: {ScheduleExpression: 'cron(0 2 * * ? *)', Target: {Arn: arn:one, Input: '{"full": true}'}}
"""


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("rate(1 minute)", MONDAY + timedelta(minutes=1)),
        ("rate(6 hours)", MONDAY + timedelta(hours=6)),
        ("rate(2 days)", MONDAY + timedelta(days=2)),
        ("cron(0 2 * * ? *)", datetime(2026, 11, 24, 2, tzinfo=UTC)),
        ("cron(0/15 * * * ? *)", datetime(2026, 11, 23, 10, 15, tzinfo=UTC)),
        ("cron(0 8 1 * ? 2027)", datetime(2027, 1, 1, 8, tzinfo=UTC)),
        ("cron(0 8 ? * 1 *)", datetime(2026, 11, 29, 8, tzinfo=UTC)),
        ("cron(0 8 ? * 2-6 *)", datetime(2026, 11, 24, 8, tzinfo=UTC)),
        ("cron(0 8 ? * SUN *)", datetime(2026, 11, 29, 8, tzinfo=UTC)),
        ("cron(0 8 ? * 2#1 *)", datetime(2026, 12, 7, 8, tzinfo=UTC)),
        ("cron(0 8 L * ? *)", datetime(2026, 11, 30, 8, tzinfo=UTC)),
    ],
)
def test_the_next_time_is_aws_s(expression: str, due: datetime) -> None:
    assert timetable(expression)(MONDAY) == due


@pytest.mark.parametrize("expression", ["rate(5 weeks)", "cron(* *)", "cron(99 2 * * ? *)", "at(2027-01-01)", ""])
def test_another_expression_is_refused(expression: str) -> None:
    with pytest.raises(StackError, match="does not understand the schedule"):
        timetable(expression)


def test_enabled_schedules_are_found_with_every_target(template: Write) -> None:
    found = schedules(template(RESOURCES))

    assert [(s.name, s.target) for s in found] == [("Rule", "arn:one"), ("Rule", "arn:two"), ("Scheduler", "arn:one")]
    assert found[2].event(MONDAY) == {"full": True}


def test_the_event_is_eventbridges(template: Write) -> None:
    event = schedules(template(RESOURCES))[0].event(MONDAY)

    assert event.pop("id")
    assert event == {
        "version": "0",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2026-11-23T10:01:30Z",
        "region": "eu-central-1",
        "resources": ["arn:aws:events:eu-central-1:123456789012:rule/banyan-Rule"],
        "detail": {},
    }


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every schedule due ten milliseconds after it was."""
    monkeypatch.setattr(module, "timetable", lambda _: lambda now: now + timedelta(milliseconds=10))


@pytest.mark.usefixtures("soon")
def test_a_schedule_repeats_and_never_overlaps_itself(console: Console) -> None:
    running, overlaps = threading.Semaphore(1), []

    def answer(_event: Any) -> None:
        overlaps.append(not running.acquire(blocking=False))
        threading.Event().wait(0.03)
        running.release()

    worker = Worker(answer)
    with Clockwork(EVERY_MINUTE, worker, console, threading.Event()).running():
        wait_until(lambda: len(worker.events) >= 3, "three runs")

    assert not any(overlaps)


@pytest.mark.usefixtures("soon")
def test_a_failed_run_is_a_warning_and_not_the_last(console: Console, screen: io.StringIO) -> None:
    worker = Worker(fail)
    with Clockwork(replace(EVERY_MINUTE, name="Nightly"), worker, console, threading.Event()).running():
        wait_until(lambda: len(worker.events) >= 2, "two runs")

    assert "warning: Nightly: Worker failed: ValueError" in screen.getvalue()
