"""Tasks, given, when, then."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from banyan import Conflict
from banyan.testing import DeciderSpec, DomainSpec, ProjectionSpec, check_purity
from banyan_tools.new.domain import DOMAIN
from banyan_tools.new.domain.tasks import TASK, TASKS, FinishTask, OpenTask, TaskDone, TaskOpened, TaskRow

OPENED = TaskOpened(title="Read the rules")
OPEN = OpenTask(title="Read the rules")

SPEC = DeciderSpec(TASK)


def test_a_task_is_opened_once() -> None:
    SPEC.when(OPEN).then(OPENED)
    SPEC.given(OPENED).when(OPEN).then_rejected("task_exists", kind=Conflict)


@pytest.mark.parametrize("title", ["", "  ", "two\nlines", "x" * 201])
def test_a_title_is_a_line_that_says_something(title: str) -> None:
    with pytest.raises(ValidationError):
        OpenTask(title=title)
    assert OpenTask(title=" Read the rules ").title == "Read the rules"


def test_a_task_is_done_once() -> None:
    SPEC.given(OPENED).when(FinishTask()).then(TaskDone())
    SPEC.given(OPENED, TaskDone()).when(FinishTask()).then_rejected("task_not_open", kind=Conflict)
    SPEC.when(FinishTask()).then_rejected("task_not_open")


def test_tasks_are_listed_by_state() -> None:
    tasks = ProjectionSpec(TASKS, DOMAIN.registry).given("acme:task:t-1", OPENED, TaskDone())
    tasks.then_state("acme:task:t-1", TaskRow(task_id="t-1", title="Read the rules", state="done"))
    tasks.given("acme:task:t-2", OPENED).then_listed("state", "open", "acme:task:t-2")


def test_a_task_from_its_command_to_its_row_however_it_is_delivered() -> None:
    done = DomainSpec(DOMAIN).when("task:t-1", OPEN).when("task:t-1", FinishTask())
    done.then_events("task:t-1", OPENED, TaskDone()).when_rejected("task:t-1", OPEN, "task_exists")
    done.then_row(TASKS, "task:t-1", TaskRow(task_id="t-1", title="Read the rules", state="done"))


def test_the_rules_are_pure() -> None:
    check_purity(DOMAIN, "task", [OPEN, FinishTask()], expected=DOMAIN.registry.event_types)
