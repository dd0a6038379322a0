"""The template's schedules."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tools.local.console import Console
from tools.local.functions import FunctionFailed, Invocable
from tools.local.loops import looping
from tools.local.physical import ACCOUNT, REGION
from tools.local.template import Resource, Template
from tools.local.timetable import timetable

LONGEST_WAIT_SECONDS = 3600.0


@dataclass(frozen=True)
class Schedule:
    """When a function is invoked, and with what.

    Parameters
    ----------
    name, arn, expression : str
    target : str
        ARN of the function.
    source : str
        What the default event gives as its source.
    input : str | None
        JSON that the function gets instead of the default event.
    """

    name: str
    arn: str
    expression: str
    target: str
    source: str
    input: str | None

    def event(self, now: datetime) -> Any:
        """Return what the function gets."""
        if self.input is not None:
            return json.loads(self.input)
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": self.source,
            "account": ACCOUNT,
            "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": REGION,
            "resources": [self.arn],
            "detail": {},
        }


class Clockwork:
    """Invokes a function whenever its schedule is due; what falls due while it runs is left out.

    Parameters
    ----------
    schedule : Schedule
    function : Invocable
    console : Console
    stopping : threading.Event

    Raises
    ------
    StackError
        The schedule's expression is not understood.
    """

    def __init__(self, schedule: Schedule, function: Invocable, console: Console, stopping: threading.Event) -> None:
        self._schedule = schedule
        self._next = timetable(schedule.expression)
        self._function = function
        self._console = console
        self._stopping = stopping
        self._due = self._next(datetime.now(UTC))

    def running(self) -> AbstractContextManager[None]:
        """Keep the schedule in a background thread until the block is left."""
        return looping(self._schedule.name, self._wait_or_run, self._console, self._stopping)

    def _wait_or_run(self) -> float:
        now = datetime.now(UTC)
        if now >= self._due:
            self._run(now)
            self._due = self._next(datetime.now(UTC))
        return min((self._due - datetime.now(UTC)).total_seconds(), LONGEST_WAIT_SECONDS)

    def _run(self, now: datetime) -> None:
        try:
            self._function.invoke(self._schedule.event(now))
        except FunctionFailed as error:
            self._console.warn(f"{self._schedule.name}: {self._function.logical_id} failed: {error}.")


def schedules(template: Template) -> Iterator[Schedule]:
    """Return the enabled schedules of a template: EventBridge rules and EventBridge Scheduler's."""
    for rule in template.resources("AWS::Events::Rule"):
        if "ScheduleExpression" in rule.properties:
            for target in rule.properties["Targets"]:
                yield from enabled(rule, target, "aws.events")
    for schedule in template.resources("AWS::Scheduler::Schedule"):
        yield from enabled(schedule, schedule.properties["Target"], "aws.scheduler")


def enabled(resource: Resource, target: dict[str, Any], source: str) -> Iterator[Schedule]:
    """Return the schedule of one target, unless it is switched off."""
    if resource.properties.get("State", "ENABLED") == "ENABLED":
        expression = resource.properties["ScheduleExpression"]
        yield Schedule(resource.logical_id, resource.arn, expression, target["Arn"], source, target.get("Input"))
