"""A whole domain under test: it settles however it is delivered, and what it gets wrong is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from pydantic import BaseModel

from banyan import (
    Add,
    CamelModel,
    CommandRejected,
    Decider,
    Domain,
    DomainEvent,
    Event,
    EventRegistry,
    Policy,
    Schedule,
    Send,
    StreamProjection,
    ViewProjection,
)
from banyan.domain import join
from banyan.errors import BanyanError, ConfigurationError
from banyan.testing import DomainSpec, PolicySpec
from banyan.testing.domains import WAYS


class Thrown(DomainEvent):
    """A ball was thrown."""

    times: int


class Dropped(DomainEvent):
    """It fell."""


class Throw(CamelModel):
    """A command."""

    times: int


class Drop(CamelModel):
    """A command that may wait."""


class Ball(CamelModel):
    """How often it was thrown, and whether it lies on the floor."""

    thrown: int = 0
    lies: bool = False


class Play(BaseModel):
    """Tunables."""

    fall_deadline_minutes: float = 10


def decide(command: Throw | Drop, ball: Ball) -> Sequence[DomainEvent]:
    if isinstance(command, Drop):
        return () if ball.lies else [Dropped()]
    if ball.lies:
        raise CommandRejected("ball_lies", "pick it up first")
    return [Thrown(times=command.times)]


def evolve(ball: Ball, event: DomainEvent) -> Ball:
    match event:
        case Thrown():
            return ball.model_copy(update={"thrown": ball.thrown + 1})
        case Dropped():
            return ball.model_copy(update={"lies": True})
    return ball


def answer(event: Event, _history: Any) -> Sequence[Send | Schedule]:
    """Throw it back as often as it was asked for, then let it fall."""
    if not isinstance(event.payload, Thrown):
        return ()
    other = "b" if event.stream_id.id == "a" else "a"
    if event.payload.times > 1:
        return [Send("ball", other, Throw(times=event.payload.times - 1), "back")]
    return [Schedule("fall", "ball", other, Drop())]


def shown(row: Ball, event: Event) -> Ball:
    return evolve(row, event.payload)


def counted(_event: Event) -> Sequence[Add]:
    return [Add("all", "balls", {"events": 1})]


BALL = Decider(entity="ball", initial=Ball, decide=decide, evolve=evolve, state=Ball, deferred=[Drop])
ROWS = StreamProjection(name="rows", entity="ball", state=Ball, initial=Ball, evolve=shown)
COUNTS = ViewProjection(name="counts", entity="ball", apply=counted)
DOMAIN = Domain(
    name="play",
    registry=EventRegistry([Thrown, Dropped]),
    deciders=[BALL],
    projections=[ROWS, COUNTS],
    policies=[Policy("answer", "ball", answer, sends_to=["ball"], schedules=[Drop])],
    settings=Play,
)
ODD = count(1, 2)
PLAYED = DomainSpec(DOMAIN).when("ball:a", Throw(times=3))


def test_what_follows_from_a_command_settles_in_every_way_of_delivery() -> None:
    PLAYED.then_events("ball:a", Thrown(times=3), Thrown(times=1)).then_events("ball:b", Thrown(times=2))
    PLAYED.then_state("ball:a", Ball(thrown=2)).then_row(ROWS, "ball:b", Ball(thrown=1)).then_row(ROWS, "ball:c", None)
    PLAYED.then_rows(COUNTS, {("all", "balls"): {"events": 3}})


def test_time_moves_only_when_it_is_moved() -> None:
    PLAYED.passes(timedelta(minutes=9)).then_state("ball:b", Ball(thrown=1))
    fallen = PLAYED.passes(timedelta(minutes=11)).then_state("ball:b", Ball(thrown=1, lies=True))
    fallen.when_rejected("ball:b", Throw(times=1), "ball_lies").then_events("ball:b", Thrown(times=2), Dropped())


def test_deadlines_are_due_by_the_settings_that_are_given() -> None:
    quick = replace(PLAYED, settings=Play(fall_deadline_minutes=1)).passes(timedelta(minutes=2))
    quick.then_state("ball:b", Ball(thrown=1, lies=True))


def test_a_joined_domain_knows_the_settings_of_its_parts() -> None:
    joined = join([DOMAIN, Domain(name="quiet", registry=EventRegistry([]), deciders=[])])
    spec = DomainSpec(joined).when("ball:a", Throw(times=1))
    spec.passes(timedelta(minutes=9)).then_events("ball:b")
    spec.passes(timedelta(minutes=11)).then_events("ball:b", Dropped())
    quick = replace(spec, settings=Play(fall_deadline_minutes=1))
    quick.passes(timedelta(minutes=2)).then_events("ball:b", Dropped())


@pytest.mark.parametrize(
    ("times", "named"),
    [("3", r"- expected.*- Thrown\(times='3'\).*\+ Thrown\(times=3\)"), ("often", ".*times: Input"), (Ball, "")],
)
def test_an_event_that_its_stored_form_changes_is_named(times: object, named: str) -> None:
    def unchecked(_command: Throw | Drop, _ball: Ball) -> Sequence[DomainEvent]:
        return [Thrown.model_construct(times=times)]  # type: ignore[arg-type]

    careless = replace(DOMAIN, deciders=[replace(BALL, decide=unchecked)], policies=[])
    with pytest.raises(
        AssertionError, match=f"(?s)Thrown as it was decided, and as it is read from its stored form: {named}"
    ):
        DomainSpec(careless).when("ball:a", Throw(times=3)).then_events("ball:a")


def test_an_event_that_changes_is_named_also_where_a_policy_or_a_deadline_caused_it() -> None:
    def unchecked(command: Throw | Drop, ball: Ball) -> Sequence[DomainEvent]:
        events = decide(command, ball)
        return [Thrown.model_construct(times="0") if isinstance(each, Dropped) else each for each in events]  # type: ignore[arg-type]

    careless = replace(DOMAIN, deciders=[replace(BALL, decide=unchecked)])
    with pytest.raises(AssertionError, match="a deadline fails: AssertionError: Thrown as it was decided"):
        DomainSpec(careless).when("ball:a", Throw(times=1)).passes(timedelta(minutes=11)).then_events("ball:a")


def test_what_a_domain_publishes_of_a_stream_is_expected_like_its_events() -> None:
    public = replace(DOMAIN, published={Thrown: lambda thrown: Ball(thrown=thrown.times) if thrown.times > 1 else None})
    spec = DomainSpec(public).when("ball:a", Throw(times=3)).passes(timedelta(minutes=11))
    spec.then_published("ball:a", Ball(thrown=3)).then_published("ball:b", Ball(thrown=2))
    with pytest.raises(AssertionError, match="public contents of acme:ball:a"):
        spec.then_published("ball:a")
    replace(spec, domain=replace(DOMAIN, published={Dropped: True})).then_published("ball:b", Dropped())


@pytest.mark.parametrize(
    ("public", "named"),
    [
        (lambda thrown: thrown.speed, "AttributeError"),
        (lambda thrown: {"times": thrown.times}, "AttributeError.*model_dump_json"),
        (lambda _thrown: Ball(thrown=next(ODD)), r"thrown=1.*thrown=3"),
    ],
)
def test_an_event_whose_public_content_cannot_be_made_is_named(public: Any, named: str) -> None:
    with pytest.raises(AssertionError, match=f"(?s)public content of Thrown.*{named}"):
        DomainSpec(replace(DOMAIN, published={Thrown: public})).when("ball:a", Throw(times=1)).then_events("ball:a")


def test_a_difference_is_shown_as_python_writes_it() -> None:
    with pytest.raises(AssertionError, match=r"(?s)- \[Dropped\(\)\].*\+ \[Thrown\(times=1\)\]"):
        DomainSpec(DOMAIN).when("ball:a", Throw(times=1)).then_events("ball:a", Dropped())
    long = [Thrown(times=10**30), *[Dropped()] * 8]
    with pytest.raises(AssertionError, match=r"(?s)- \[\n-     Thrown\(times=10{30}\),\n"):
        DomainSpec(DOMAIN).when("ball:a", Throw(times=1)).then_events("ball:a", *long)


def test_a_policy_that_counts_on_single_delivery_is_noticed() -> None:
    calls: list[Event] = []

    def impatient(event: Event, _history: Any) -> Sequence[Send | Schedule]:
        calls.append(event)
        if isinstance(event.payload, Dropped) or len(calls) > 1:
            return ()
        return [Send("ball", "b", Drop(), "drop")]

    spec = DomainSpec(replace(DOMAIN, policies=[Policy("impatient", "ball", impatient)]))
    with pytest.raises(AssertionError, match=r"events of acme:ball:b, delivered"):
        spec.when("ball:a", Throw(times=1)).then_events("ball:b", Dropped())


@pytest.mark.parametrize(
    "reaction",
    [
        lambda call: Send("ball", "b", Drop(), f"step {call}"),
        lambda call: Schedule("fall", "ball", "b", Drop(), after=timedelta(minutes=call)),
        lambda call: Schedule(f"fall {call}", "ball", "b", Drop(), after=timedelta(minutes=1)),
    ],
    ids=["another step", "another time", "another name"],
)
def test_a_policy_that_answers_differently_when_asked_again_is_named(
    reaction: Callable[[int], Send | Schedule],
) -> None:
    calls = count(1)
    policy = Policy("fickle", "ball", lambda event, _: [reaction(next(calls))] if event.stream_id.id == "a" else [])
    spec = DomainSpec(replace(DOMAIN, policies=[policy]))
    with pytest.raises(AssertionError, match="policy 'fickle' answers Thrown 1 of acme:ball:a differently when asked"):
        spec.when("ball:a", Throw(times=1)).passes(timedelta(hours=1)).then_state("ball:b", Ball(lies=True))


def test_every_way_of_delivery_is_tried() -> None:
    assert list(WAYS) == ["as they come", "with losses", "twice", "late and backwards", "to processes that are killed"]


def stumble(event: Any, _history: Any) -> Sequence[Send]:
    return [event.nothing]


def forget(_command: Any, _ball: Ball) -> Any:
    """A branch is missing."""


def react(found: Send | Schedule) -> Callable[..., Sequence[Send | Schedule]]:
    return lambda event, history: [found]  # noqa: ARG005


@pytest.mark.parametrize(
    ("policy", "mended"),
    [
        (Policy("p", "ball", react(Send("wall", "w", Drop(), "s"))), "policy 'p' sends to 'wall'"),
        (Policy("p", "ball", react(Schedule("x", "ball", "b", Throw(times=1)))), "policy 'p' schedules Throw"),
        (Policy("p", "ball", stumble), "'Event' object has no attribute 'nothing'"),
        (Policy("p", "ball", react(Schedule("x", "ball", "b", Drop()))), "deadline 'x'"),
    ],
)
def test_a_reaction_to_which_nothing_would_answer_is_named(policy: Policy, mended: str) -> None:
    with pytest.raises(AssertionError, match=mended):
        DomainSpec(replace(DOMAIN, policies=[policy])).when("ball:a", Throw(times=1)).then_events("ball:a")


def test_a_policy_does_what_it_declares() -> None:
    sends = Policy("p", "ball", react(Send("ball", "b", Drop(), "s")), sends_to=["net"])
    with pytest.raises(AssertionError, match="policy 'p' sends to 'ball', which its sends_to leaves out"):
        PolicySpec(sends, "a").when(Dropped())
    schedules = Policy("p", "ball", react(Schedule("x", "ball", "b", Drop())), schedules=[Throw])
    with pytest.raises(AssertionError, match="policy 'p' schedules Drop, which its schedules leave out"):
        PolicySpec(schedules, "a").when(Dropped())


def test_a_reaction_to_what_cannot_be_a_stream_is_refused_by_name() -> None:
    with pytest.raises(BanyanError, match="'b b'"):
        PolicySpec(Policy("p", "ball", react(Send("ball", "b b", Drop(), "s"))), "a").when(Dropped())


def test_policies_that_never_come_to_rest_are_noticed() -> None:
    endless = Policy("endless", "ball", lambda event, history: [Send("ball", "b", Throw(times=1), "again")])  # noqa: ARG005
    with pytest.raises(AssertionError, match="without end"):
        DomainSpec(replace(DOMAIN, policies=[endless])).when("ball:a", Throw(times=1)).then_events("ball:a")


def test_a_decider_that_forgets_to_answer_is_named() -> None:
    forgetful = replace(DOMAIN, deciders=[replace(BALL, decide=forget)])
    with pytest.raises(ConfigurationError, match="'ball' returned None for Throw"):
        DomainSpec(forgetful).when("ball:a", Throw(times=1)).then_events("ball:a")


def test_commands_that_are_rejected_and_are_not_are_told_apart() -> None:
    with pytest.raises(AssertionError, match="is not rejected"):
        DomainSpec(DOMAIN).when_rejected("ball:a", Throw(times=1), "ball_lies").then_events("ball:a")
    with pytest.raises(AssertionError, match="Throw to acme:ball:a is rejected with 'ball_lies'"):
        DomainSpec(DOMAIN).when("ball:a", Drop()).when("ball:a", Throw(times=1)).then_events("ball:a")


@pytest.mark.parametrize(("stream", "named"), [("ball:a b", "'a b'"), ("ball", "ball"), ("wall:a", "'wall'")])
def test_a_stream_that_cannot_be_is_refused_by_name(stream: str, named: str) -> None:
    with pytest.raises(BanyanError, match=named):
        DomainSpec(DOMAIN).when(stream, Throw(times=1))
