"""Routes over deadlines: what is due, and what lies parked."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Final

from aws_lambda_powertools.event_handler.api_gateway import Router

from banyan.aws.http_call import CurrentCall
from banyan.deadlines.base import Waiting
from banyan.events import CamelModel
from banyan.streams import StreamId

MOST: Final = 1000

router = Router()  # type: ignore[no-untyped-call]


class DeadlineAnswer(CamelModel):
    """A deadline that was put aside because its command kept failing."""

    stream: StreamId
    name: str
    due: datetime
    attempts: int
    error: str


class DeadlinesAnswer(CamelModel):
    """How many deadlines are due, and which are parked; at most 1000 of each are looked at."""

    due: int
    parked: list[DeadlineAnswer]


class UnparkedAnswer(CamelModel):
    """How many deadlines wait again."""

    retried: int


@router.get("/admin/deadlines", operation_id="listDeadlines", summary="Which deadlines are due or parked")
def list_deadlines(call: CurrentCall) -> DeadlinesAnswer:
    """Show what the schedule has still to work off."""
    app = call.application
    parked = [_answer(each) for each in islice(app.deadlines.parked(), MOST)]
    return DeadlinesAnswer(due=_count(islice(app.deadlines.due(app.clock()), MOST)), parked=parked)


@router.post("/admin/deadlines/retry", operation_id="retryDeadlines", summary="Let parked deadlines wait again")
def retry_deadlines(call: CurrentCall) -> UnparkedAnswer:
    """Let the schedule try parked deadlines again; call it again while it finds any."""
    parked = list(islice(call.application.deadlines.parked(), MOST))
    for each in parked:
        call.application.deadlines.unpark(each)
    return UnparkedAnswer(retried=len(parked))


def _answer(waiting: Waiting) -> DeadlineAnswer:
    return DeadlineAnswer(
        stream=waiting.stream, name=waiting.name, due=waiting.due, attempts=waiting.attempts, error=waiting.error
    )


def _count(found: Iterable[object]) -> int:
    return sum(1 for _ in found)
