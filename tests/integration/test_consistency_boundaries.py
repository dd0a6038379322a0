"""The exercises of docs/consistency-boundaries.md under races, while every third answer is lost."""

from __future__ import annotations

import random
import time
from collections import Counter as Tally
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count, product
from threading import Barrier, get_ident
from typing import Any
from uuid import uuid4

import pytest
from tests.support.boundaries import courses, invoices, names, prices, submissions, tokens
from tests.support.clocks import EVERYTHING, PATIENCE, START, no_sleep
from tests.support.engines import DynamoDBEngine
from tests.support.wire import Deliver, lost_answer, operation_of

from banyan.commands.decisions import Decisions, Outcomes
from banyan.commands.handler import CommandHandler, ConflictRetries
from banyan.decider import AnyDecider
from banyan.deciders.counters import COUNTER, Counter
from banyan.deciders.unique import UNIQUE, UniqueValue, unique
from banyan.decision import Decided, Decision, States
from banyan.errors import CommandRejected, ConcurrencyError, StoreUnavailable
from banyan.events import EventRegistry
from banyan.store import EventStore
from banyan.store.verify import verify_stream
from banyan.streams import StreamId
from banyan.telemetry import NoTelemetry

THREADS = 8
ROUNDS = 100 if EVERYTHING else 12
REPEATS = 100
PLACES = 6
MEANWHILE_SECONDS = 0.03


class Contest:
    """One store, which loses every third answer, and the processes that write to it."""

    def __init__(self, engine: DynamoDBEngine, registry: EventRegistry, deciders: Sequence[AnyDecider]) -> None:
        self._table = engine.table()
        self._wire = engine.wire
        self._registry = registry
        self._deciders = deciders
        self.written_at: dict[int, float] = {}
        """By thread: when its first write since its last decision was delivered, which is the one that counts."""
        self.rejected: Tally[str] = Tally()

    def process(self) -> Process:
        return Process(self, EventStore(self._table, self._registry, sleep=no_sleep), self._deciders)

    def race(self, act: Callable[[Process, int, int], object]) -> None:
        """Let all threads act, round by round, each as a process with a cache of its own."""
        barrier = Barrier(THREADS, timeout=PATIENCE)
        self._wire.around = self._lossy

        def run(number: int) -> None:
            process = self.process()
            barrier.wait()
            for turn in range(ROUNDS):
                act(process, number, turn)

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(run, range(THREADS)))
        self._wire.around = lambda request, deliver: deliver(request)

    def states(self, decider: AnyDecider) -> dict[str, Any]:
        """Of all streams of an entity, by id; every chain holds."""
        store = self.process().store
        found = sorted(stream for stream in store.streams() if stream.entity == decider.entity)
        assert not any(verify_stream(store, stream).problems for stream in found)
        return {stream.id: decider.fold(event.payload for event in store.read(stream)) for stream in found}

    def _lossy(self, request: Any, deliver: Deliver) -> Any:
        """Between what was read and what is written, others get a chance."""
        if operation_of(request) in ("PutItem", "TransactWriteItems"):
            time.sleep(random.uniform(0, MEANWHILE_SECONDS))
            self.written_at.setdefault(get_ident(), time.perf_counter())
        return lost_answer(request, deliver) if random.random() < 1 / 3 else deliver(request)


class Process:
    """Decides, and sends again what got no answer."""

    def __init__(self, contest: Contest, store: EventStore, deciders: Sequence[AnyDecider]) -> None:
        self.store = store
        self._contest = contest
        retries = ConflictRetries(10, sleep=no_sleep)
        self._handlers = {each.entity: CommandHandler[Any, Any](store, each, retries=retries) for each in deciders}
        aggregates = {entity: handler.aggregates for entity, handler in self._handlers.items()}
        self._decisions = Decisions(store, aggregates, retries, NoTelemetry())

    def decide(self, decision: Decision[Any], entity: str, id: str, command: Any) -> Outcomes | None:
        """What became of a command; nothing if it was rejected, which is counted."""
        stream = StreamId("acme", entity, id)

        def decide(command: Any, states: States) -> Decided:
            self._contest.written_at.pop(get_ident(), None)
            return decision.decide(command, states)

        watched = replace(decision, decide=decide)
        outcomes: Outcomes | None = self._repeated(
            lambda options: self._decisions.handle(
                watched, stream, command, optimistic=random.random() < 0.5, **options
            )
        )
        return outcomes

    def handle(self, entity: str, id: str, command: Any) -> None:
        """Handle a command to one stream."""
        stream = StreamId("acme", entity, id)
        self._repeated(lambda options: self._handlers[entity].handle(stream, command, **options))

    def _repeated(self, attempt: Callable[[dict[str, Any]], Any]) -> Any:
        options: dict[str, Any] = {"commit_id": str(uuid4())}
        began = datetime.now(START.tzinfo) - timedelta(minutes=1)
        for _ in range(REPEATS):
            try:
                return attempt(options)
            except (StoreUnavailable, ConcurrencyError):
                options["first_attempt"] = began
            except CommandRejected as rejection:
                self._contest.rejected[rejection.code] += 1
                return None
        raise AssertionError(f"no answer after {REPEATS} attempts")


Build = Callable[..., Contest]


@pytest.fixture
def contest(dynamodb_local: DynamoDBEngine) -> Build:
    def build(registry: EventRegistry, *deciders: AnyDecider) -> Contest:
        return Contest(dynamodb_local, registry, deciders)

    return build


def test_courses_and_students_have_their_limits(contest: Build) -> None:
    """More students ask for each small course than it has places, and the eager for more courses than they may join."""
    here, joined = contest(courses.REGISTRY, courses.COURSE, courses.STUDENT), Tally[tuple[str, str]]()
    small, large = [f"c{n}" for n in range(3)], [f"c{n}" for n in range(3, 4 + courses.COURSES_AT_MOST)]
    modest, eager = [f"s{n}" for n in range(2 * PLACES)], [f"s{n}" for n in range(2 * PLACES, 3 * PLACES)]
    wishes = [*product(modest, small), *product(eager, small + large)]
    random.Random(0).shuffle(wishes)
    assert len(small) <= courses.COURSES_AT_MOST < len(large)
    assert len(wishes) <= THREADS * ROUNDS
    for course in small + large:
        places = PLACES if course in small else len(modest + eager)
        here.process().handle("course", course, courses.OfferCourse(places=places))

    def act(process: Process, number: int, turn: int) -> None:
        student, course = wishes[(turn * THREADS + number) % len(wishes)]
        outcomes = process.decide(courses.JOIN, "course", course, courses.Join(course=course, student=student))
        if outcomes and any(outcome.events for outcome in outcomes.values()):
            joined[student, course] += 1

    here.race(act)

    attended = {id: course.students for id, course in here.states(courses.COURSE).items()}
    chosen = {id: student.courses for id, student in here.states(courses.STUDENT).items()}
    assert here.rejected["course_full"]
    assert here.rejected["too_many_courses"]
    assert {len(attended[course]) for course in small} == {PLACES}
    assert {len(chosen[student]) for student in eager} == {courses.COURSES_AT_MOST}
    assert all(len(taken) <= courses.COURSES_AT_MOST for taken in chosen.values())
    assert sorted((s, c) for c, students in attended.items() for s in students) == sorted(joined.elements())
    assert sorted((s, c) for s, taken in chosen.items() for c in taken) == sorted(joined.elements())


def test_a_name_has_one_user_at_a_time(contest: Build) -> None:
    here = contest(names.REGISTRY, names.USER, UNIQUE)
    moments = count()

    def act(process: Process, number: int, turn: int) -> None:
        user, name = f"u{number}", f"n{random.Random(number * 1000 + turn).randrange(5)}"
        now = START + timedelta(days=40 * next(moments))
        process.decide(names.CHOOSE_NAME, "user", user, names.ChooseName(user=user, name=name, now=now))

    here.race(act)

    held = {id: user.name for id, user in here.states(names.USER).items() if user.name}
    owners = {id: value.owner for id, value in here.states(UNIQUE).items() if value.held}
    assert here.rejected["value_taken"] > 0
    assert len(set(held.values())) == len(held)
    assert owners == {unique("user.name", name).id: user for user, name in held.items()}


def test_invoice_numbers_have_no_gap_and_none_comes_after_the_close(contest: Build) -> None:
    here, issued = contest(invoices.REGISTRY, invoices.INVOICE, invoices.MONTH, COUNTER), Tally[int]()
    written, closed = list[tuple[float, str]](), dict[str, float]()

    def act(process: Process, number: int, turn: int) -> None:
        month = f"m{turn * 3 // ROUNDS}"
        if number == 0 and turn % max(1, ROUNDS // 3) == 0:
            process.decide(invoices.CLOSE, "month", f"{month}.0", invoices.CloseMonth(month=month))
            closed[month] = time.perf_counter()
            return
        invoice = f"i{number}-{turn}"
        outcomes = process.decide(
            invoices.ISSUE, "invoice", invoice, invoices.IssueInvoice(invoice=invoice, month=month)
        )
        if outcomes:
            issued[outcomes["invoice"].state.number] += 1
            written.append((here.written_at[get_ident()], month))

    here.race(act)

    found = here.states(invoices.INVOICE)
    assert sorted(invoice.number for invoice in found.values()) == list(range(1, len(found) + 1))
    assert issued == Tally(range(1, len(found) + 1))
    assert here.states(COUNTER) == ({"invoices": Counter(last=len(found))} if found else {})
    assert here.rejected["month_closed"] > 0
    assert all(month.closed for month in here.states(invoices.MONTH).values())
    assert all(moment < closed[month] for moment, month in written)


def test_a_token_is_redeemed_once(contest: Build) -> None:
    here, redeemed = contest(tokens.REGISTRY, tokens.TOKEN, tokens.WALLET), Tally[str]()

    def act(process: Process, number: int, turn: int) -> None:
        token = f"t{turn}"
        if process.decide(tokens.REDEEM, "token", token, tokens.Redeem(token=token, user=f"u{number}")):
            redeemed[f"u{number}"] += 1

    here.race(act)

    assert here.rejected == {"token_used": (THREADS - 1) * ROUNDS}
    assert Tally(token.user for token in here.states(tokens.TOKEN).values()) == redeemed
    assert {id: wallet.credits for id, wallet in here.states(tokens.WALLET).items()} == redeemed
    assert redeemed.total() == ROUNDS


@pytest.mark.slow
def test_nothing_is_bought_at_a_price_that_is_gone(contest: Build) -> None:
    """What is written after a change was acknowledged is bought at the price of that change, or of a later one.

    After its last change also the one who changes it buys: no other change can come first.
    """
    here = contest(prices.REGISTRY, prices.PRODUCT, prices.PURCHASE)
    acknowledged, bought = list[tuple[float, int]](), list[tuple[float, prices.Bought]]()

    def change(process: Process, turn: int) -> None:
        process.handle("product", "p", prices.SetPrice(price=turn + 1, now=START + timedelta(hours=turn)))
        acknowledged.append((time.perf_counter(), turn + 1))

    def act(process: Process, number: int, turn: int) -> None:
        if number == 0:
            change(process, turn)
            if turn < ROUNDS - 1:
                return
        purchase = f"b{number}-{turn}"
        last = acknowledged[-1][1] if acknowledged else 1
        now = START + timedelta(hours=last - 1, minutes=number * 3)
        command = prices.Buy(purchase=purchase, product="p", price=last - number % 2, now=now)
        outcomes = process.decide(prices.BUY, "purchase", purchase, command)
        for event in outcomes["purchase"].events if outcomes else ():
            assert isinstance(event.payload, prices.Bought)
            bought.append((here.written_at[get_ident()], event.payload))

    here.race(act)

    assert len(bought) + here.rejected["price_changed"] == (THREADS - 1) * ROUNDS + 1
    assert len(here.states(prices.PURCHASE)) == len(bought) > 0
    for written, purchase in bought:
        known = max((change for moment, change in acknowledged if moment < written), default=0)
        assert known <= purchase.change
        assert purchase.price in (purchase.change, purchase.change - 1)


def test_a_form_that_was_sent_twice_makes_one_order(contest: Build) -> None:
    here, placed = contest(submissions.REGISTRY, submissions.ORDER, UNIQUE), Tally[str]()

    def act(process: Process, number: int, turn: int) -> None:
        order, form = f"o{number}-{turn}", f"f{turn}"
        command = submissions.PlaceOrder(order=order, submission=form)
        if process.decide(submissions.PLACE_ORDER, "order", order, command):
            placed[form] += 1

    here.race(act)

    assert placed == {f"f{turn}": 1 for turn in range(ROUNDS)}
    assert here.rejected == {"value_taken": (THREADS - 1) * ROUNDS}
    orders = here.states(submissions.ORDER)
    assert len(orders) == ROUNDS
    assert {value.owner for value in here.states(UNIQUE).values()} == orders.keys()
    assert all(isinstance(value, UniqueValue) and value.held for value in here.states(UNIQUE).values())
