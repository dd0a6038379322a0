"""The template's schedules."""

from __future__ import annotations

import json
import threading
import uuid
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from banyan_tools.local.console import Console
from banyan_tools.local.functions import FunctionFailed, Invocable
from banyan_tools.local.loops import looping
from banyan_tools.local.physical import ACCOUNT, REGION
from banyan_tools.local.template import Resource, Template
from banyan_tools.local.timetable import timetable

LONGEST_WAIT_SECONDS = 3600.0


@dataclass(frozen=True)
class Schedule:
    """When a function is invoked, and with what.

    Parameters
    ----------
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


def schedules(template: Template) -> list[Schedule]:
    """Return the enabled schedules of a template: EventBridge rules and EventBridge Scheduler's."""
    rules = template.build("AWS::Events::Rule", rule_schedules)
    schedulers = template.build("AWS::Scheduler::Schedule", scheduler_schedules)
    return list(chain(*rules, *schedulers))


def rule_schedules(rule: Resource) -> list[Schedule]:
    """Return a schedule for each target of a rule; none for a rule that waits for events."""
    targets = rule.properties["Targets"] if "ScheduleExpression" in rule.properties else []
    return [schedule(rule, target, "aws.events") for target in targets if is_on(rule)]


def scheduler_schedules(resource: Resource) -> list[Schedule]:
    """Return the schedule of EventBridge Scheduler."""
    return [schedule(resource, resource.properties["Target"], "aws.scheduler")] if is_on(resource) else []


def schedule(resource: Resource, target: dict[str, Any], source: str) -> Schedule:
    """Return the schedule of one target."""
    expression = resource.properties["ScheduleExpression"]
    return Schedule(resource.logical_id, resource.arn, expression, target["Arn"], source, target.get("Input"))


def is_on(resource: Resource) -> bool:
    """Tell whether a schedule is switched on."""
    return bool(resource.properties.get("State", "ENABLED") == "ENABLED")
