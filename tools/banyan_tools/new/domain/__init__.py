"""Tasks that are opened and done: a domain to begin with."""

from typing import Final

from banyan import Domain, EventRegistry
from banyan.domain import Example
from banyan_tools.new.domain.tasks import TASK, TASKS, TaskDone, TaskOpened

DOMAIN: Final = Domain(
    name="banyan_tools.new.domain",
    registry=EventRegistry([TaskOpened, TaskDone]),
    deciders=[TASK],
    projections=[TASKS],
    routes="banyan_tools.new.domain.routes",
    example=Example("Open a first task", "/tasks/t-1", {"title": "Read the rules"}),
)
