"""The rules of a task, and what can be read of it: pure functions, without clock, random or I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from pydantic import StringConstraints

from banyan import CamelModel, Conflict, Decider, DomainEvent, Event, Lookup, StreamProjection
from banyan.text import Composed, Readable

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), Composed, Readable]


class TaskOpened(DomainEvent):
    """Something is to be done."""

    title: str


class TaskDone(DomainEvent):
    """It is done."""


class OpenTask(CamelModel):
    """Open a task."""

    title: Title


class FinishTask(CamelModel):
    """Say that a task is done."""


class Task(CamelModel):
    """What the rules have to know of a task."""

    title: str = ""
    state: Literal["new", "open", "done"] = "new"


class TaskRow(Task):
    """What can be read of a task."""

    task_id: str = ""


def decide(command: OpenTask | FinishTask, task: Task) -> Sequence[DomainEvent]:
    """Events that follow from a command."""
    match command:
        case OpenTask(title=title):
            if task.state != "new":
                raise Conflict("task_exists", "there is a task with this id")
            return [TaskOpened(title=title)]
        case FinishTask():
            if task.state != "open":
                raise Conflict("task_not_open", "the task is not open")
            return [TaskDone()]


def evolve(task: Task, event: DomainEvent) -> Task:
    """State after one more event."""
    match event:
        case TaskOpened(title=title):
            return task.model_copy(update={"title": title, "state": "open"})
        case TaskDone():
            return task.model_copy(update={"state": "done"})
    return task


def _row(row: TaskRow, event: Event) -> TaskRow:
    return TaskRow(**dict(evolve(row, event.payload)) | {"task_id": event.stream_id.id})


TASK: Final = Decider(entity="task", initial=Task, decide=decide, evolve=evolve, state=Task)
TASKS: Final = StreamProjection(
    name="tasks",
    entity="task",
    state=TaskRow,
    initial=TaskRow,
    evolve=_row,
    lookups=[Lookup("state", lambda row: row.state, lambda row: row.title)],
)
