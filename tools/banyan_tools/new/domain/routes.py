"""The HTTP routes of tasks; the only module that knows of HTTP."""

# ruff: noqa: N803

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query

from banyan import NotFound
from banyan.http import CurrentCall, Provenance, Replayable, ReplayableCall, Response, Router, merged, tagged
from banyan_tools.new.domain.tasks import TASK, TASKS, FinishTask, OpenTask, Task, TaskRow

commands, queries = Router(), Router()

AtVersion = Annotated[int | None, Query(alias="atVersion", ge=1)]


class TaskAnswer(TaskRow, Provenance):
    """A task, and how fresh the answer is."""


@commands.post("/tasks/<taskId>", operation_id="openTask")
def open_task(taskId: str, body: OpenTask, call: ReplayableCall) -> Response[Task]:
    """Open a task."""
    return _handle(call, taskId, body)


@commands.post("/tasks/<taskId>/finish", operation_id="finishTask")
def finish_task(taskId: str, call: ReplayableCall) -> Response[Task]:
    """Say that a task is done."""
    return _handle(call, taskId, FinishTask())


@queries.get("/tasks/<taskId>", operation_id="getTask")
def get_task(taskId: str, call: CurrentCall, minVersion: int = 0, atVersion: AtVersion = None) -> Response[TaskAnswer]:
    """Read a task, at ``minVersion`` or later, or as it was at ``atVersion``."""
    stream = call.stream(TASK.entity, taskId, "taskId")
    found = call.queries.at(TASKS, stream, atVersion) if atVersion else call.queries.get(TASKS, stream, minVersion)
    if found is None:
        raise NotFound("task_not_found", "there is no task with this id")
    return tagged(merged(TaskAnswer, found.provenance, dict(found.value)), found.provenance.version)


def _handle(call: Replayable, task_id: str, command: OpenTask | FinishTask) -> Response[Task]:
    outcome = call.handle(call.stream(TASK.entity, task_id, "taskId"), command)
    return tagged(outcome.state, outcome.head.version)
