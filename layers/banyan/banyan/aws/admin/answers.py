"""What the operator is told, as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from pydantic import ConfigDict

from banyan.events import CamelModel
from banyan.projections.control import Stage, Status


class _Answer(CamelModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(from_attributes=True)


class PauseAnswer(_Answer):
    """Since when a projection takes nothing in, and why."""

    since: datetime
    reason: str
    by: str


class GenerationAnswer(_Answer):
    """One build of a projection's rows, and when it entered its stage."""

    number: int
    stage: Stage
    started_at: datetime
    changed_at: datetime


class ProjectionAnswer(_Answer):
    """One projection."""

    projection: str
    status: Status
    live: int
    pause: PauseAnswer | None
    generations: list[GenerationAnswer]


class ProjectionsAnswer(_Answer):
    """Every projection of the domain."""

    projections: list[ProjectionAnswer]
