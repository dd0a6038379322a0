"""Sends planned orders: the commands of one in sequence, several orders at a time."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from banyan_tools.importing import ApiError, several_at_a_time
from orders.tools.importer.api import Api
from orders.tools.importer.commands import Command, Kind, OrderMismatchError, commands, remaining
from orders.tools.importer.planning import Order


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an order does not stand as planned, with the API's stable code."""

    order: str
    code: str
    detail: str


@dataclass(slots=True)
class Outcome:
    """What became of an order: the commands done now, those an earlier import did, a failure if any."""

    order: Order
    now: Counter[Kind] = field(default_factory=Counter)
    before: Counter[Kind] = field(default_factory=Counter)
    failure: Failure | None = None


def send_all(
    api: Api, orders: Iterable[Order], *, workers: int, done: Callable[[Outcome], None] = lambda _: None
) -> tuple[Outcome, ...]:
    """Send several orders at a time; `done` is called for each as it ends.

    An order that fails stops no other. The command of a credit note is the last of its order, so it never
    overtakes what it cancels.
    """
    return several_at_a_time(lambda order: send(api, order), orders, workers=workers, done=done)


def send(api: Api, order: Order) -> Outcome:
    """Send the commands of an order, in sequence."""
    outcome = Outcome(order)
    try:
        _deliver(api, outcome)
    except ApiError as problem:
        outcome.failure = Failure(order.id, problem.code, problem.detail)
    except OrderMismatchError:
        outcome.failure = Failure(order.id, "order_differs", "it exists already, with other contents")
    return outcome


def _deliver(api: Api, outcome: Outcome) -> None:
    planned = commands(outcome.order)
    try:
        _post(api, outcome, planned, None)
    except ApiError as problem:
        if not problem.is_conflict:
            raise
        standing = api.standing(outcome.order.id, problem.actual)
        missing = remaining(outcome.order, standing)
        found = planned[: len(planned) - len(missing)]
        outcome.before = Counter(command.kind for command in found) - outcome.now
        _post(api, outcome, missing, standing.version)


def _post(api: Api, outcome: Outcome, todo: Iterable[Command], version: int | None) -> None:
    for command in todo:
        answer = api.send(command, version)
        version = answer.version
        counter = outcome.before if answer.replayed else outcome.now
        counter[command.kind] += 1
        if command.kind is Kind.PAY and answer.total_amount != outcome.order.total:
            raise ApiError(200, "total_differs", f"{answer.total_amount} instead of {outcome.order.total}")
