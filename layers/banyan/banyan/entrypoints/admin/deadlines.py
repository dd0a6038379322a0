"""Routes over deadlines: what waits, what is due, and what lies parked."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import Final

from aws_lambda_powertools.event_handler.api_gateway import Router

from banyan.deadlines.base import Waiting
from banyan.entrypoints.http.call import CurrentCall
from banyan.events import CamelModel
from banyan.streams import StreamId

MOST: Final = 1000
END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)

router = Router()  # type: ignore[no-untyped-call]


class DeadlineAnswer(CamelModel):
    """A deadline; its error is why its command failed the last time."""

    stream: StreamId
    name: str
    due: datetime
    attempts: int
    error: str


class DeadlinesAnswer(CamelModel):
    """How many deadlines are due, which wait for their time, and which are parked.

    At most 1000 are looked at: the first of those that are due or wait, and the first of the parked.
    """

    due: int
    waiting: list[DeadlineAnswer]
    parked: list[DeadlineAnswer]


class UnparkedAnswer(CamelModel):
    """How many deadlines wait again."""

    retried: int


@router.get("/admin/deadlines", operation_id="listDeadlines", summary="Which deadlines wait, are due or parked")
def list_deadlines(call: CurrentCall) -> DeadlinesAnswer:
    """Show what the schedule has still to work off."""
    app, now = call.application, call.application.clock()
    kept = list(islice(app.deadlines.due(END_OF_TIME), MOST))
    return DeadlinesAnswer(
        due=sum(1 for each in kept if each.due <= now),
        waiting=[_answer(each) for each in kept if each.due > now],
        parked=[_answer(each) for each in islice(app.deadlines.parked(), MOST)],
    )


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
