"""A manifest that contradicts itself is refused by name, and so is what two domains of a stack share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar, Self

import pytest
from pydantic import BaseModel, Field, model_validator

from banyan import CamelModel, Decider, Domain, DomainEvent, Event, EventRegistry, Policy, StreamProjection, Upcaster
from banyan.adapters.settings import Settings, check_reactions, read_domain_settings
from banyan.domain import deadline_durations, join, load_domain
from banyan.errors import ConfigurationError
from banyan.ingest import Ingest, Reference


class Counted(DomainEvent):
    """Something was counted."""

    schema_version: ClassVar[int] = 2

    times: int


class Rung(DomainEvent):
    """A bell was rung."""

    schema_version: ClassVar[int] = 2

    times: int


class Count(CamelModel):
    """How often."""

    times: int = 0


class Later(CamelModel):
    """A command."""


class CounterSettings(BaseModel):
    """Tunables."""

    rest_deadline_minutes: float = Field(5.0, ge=1)


class BellSettings(BaseModel):
    """Tunables."""

    loudness: int = 3


class Needed(BaseModel):
    """Tunables, one of which has no default."""

    size: int


class Soon(BaseModel):
    """Tunables, one of which is no number."""

    rest_deadline_minutes: float = "soon"  # type: ignore[assignment]


class TooLow(BaseModel):
    """Tunables, one of which is out of its own range."""

    loudness: int = Field(0, ge=1)


class Words(BaseModel):
    """Tunables, of which a deadline is a text."""

    rest_deadline_minutes: str = "5"


class Endless(BaseModel):
    """Tunables, of which a deadline is longer than there is time."""

    rest_deadline_minutes: float = 1e300


class Taken(BaseModel):
    """Tunables, one of which the engine has."""

    max_retries: int = 1


class Crossed(BaseModel):
    """Tunables whose defaults do not fit together."""

    least: int = 10
    most: int = 9

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.least > self.most:
            raise ValueError("least is above most")
        return self


def decide(command: Any, state: Count) -> Sequence[DomainEvent]:  # noqa: ARG001
    return ()


def forgets(command: Any, state: Count) -> None:
    """Decide nothing, and do not even say so."""


def react(event: Event, history: Any) -> Sequence[Any]:  # noqa: ARG001
    return ()


def evolve(state: Count, event: Any) -> Count:  # noqa: ARG001
    return state


def decider(entity: str, decides: Callable[..., Any] = decide) -> Decider[Count, Any]:
    return Decider(entity, Count, decides, evolve, Count)


def fed(entity: str) -> Ingest[Any]:
    """Records that refer to a stream of an entity."""
    return Ingest(lambda data: (), lambda contents, state: None, Reference(entity, str))  # noqa: ARG005


def rows(name: str, entity: str) -> StreamProjection[Count]:
    return StreamProjection(name=name, entity=entity, state=Count, initial=Count, evolve=evolve)


def made(name: str, event: type[DomainEvent], **changes: Any) -> Domain:
    """A whole domain whose entity has its name."""
    upcaster = Upcaster(event.event_type(), 1, lambda data: {"times": data["count"]})
    parts: dict[str, Any] = {
        "registry": EventRegistry([event], [upcaster]),
        "deciders": [decider(name)],
        "projections": [rows(f"{name}s", name)],
        "policies": [Policy(f"watch_{name}", name, react)],
    }
    return Domain(name=name, **parts | changes)


COUNTER = made("counter", Counted, settings=CounterSettings, legacy="counter.legacy")
BELL = made("bell", Rung, settings=BellSettings, ingest=fed("bell"))


@pytest.mark.parametrize(
    ("changes", "mended"),
    [
        ({"projections": [rows("counts", "conter")]}, "projection 'counts' reads entity 'conter'"),
        ({"policies": [Policy("watch", "conter", react)]}, "policy 'watch' reacts to entity 'conter'"),
        ({"policies": [Policy("watch", "counter", react, sends_to=["bell"])]}, "policy 'watch' sends to entity 'bell'"),
        ({"policies": [Policy("watch", "counter", react, schedules=[Later])]}, "policy 'watch' schedules Later"),
        ({"deciders": [decider("counter", forgets)]}, "decide of entity 'counter' returns None"),
        ({"deciders": [decider("counter"), decider("a counter")]}, "entity 'a counter' cannot be part"),
        ({"deciders": [decider("counter")] * 2}, "entity 'counter' is declared twice"),
        ({"settings": Needed}, "setting 'size' of domain 'counter' has no default"),
        ({"settings": Soon}, "default of setting 'rest_deadline_minutes' of domain 'counter' is not one: .*number"),
        ({"settings": Crossed}, "default among the settings of domain 'counter' is not one: .*least is above most"),
        ({"settings": TooLow}, "default of setting 'loudness' of domain 'counter' is not one: .*greater"),
        ({"settings": Words}, "setting 'rest_deadline_minutes' has to be a number of minutes, not '5'"),
        ({"settings": Endless}, "setting 'rest_deadline_minutes' has to be a number of minutes, not 1e"),
        ({"settings": Needed(size=1)}, "settings of domain 'counter' have to be a class"),
        ({"settings": {"size": 1}}, "settings of domain 'counter' have to be a class"),
        ({"registry": [Counted]}, "registry of domain 'counter' has to be EventRegistry"),
        ({"deciders": decider("counter")}, "deciders of domain 'counter' have to be a list of Decider"),
        ({"deciders": ["counter"]}, "deciders of domain 'counter' have to be a list of Decider"),
        ({"projections": rows("counts", "counter")}, "have to be a list of StreamProjection or ViewProjection"),
        ({"policies": [react]}, "policies of domain 'counter' have to be a list of Policy"),
        ({"routes": made}, "routes of domain 'counter' has to be str"),
        ({"legacy": 3}, "legacy of domain 'counter' has to be str"),
        ({"published": {Rung: True}}, "domain 'counter' publishes Rung, which its registry does not have"),
        ({"published": {"Counted": True}}, "domain 'counter' publishes 'Counted', which its registry does not have"),
        ({"published": {Counted: "all"}}, "domain 'counter' publishes Counted as 'all': True or a function"),
        ({"published": [Counted]}, "published of domain 'counter' has to be Mapping"),
        ({"compensations": [Rung]}, "domain 'counter' takes back by Rung, which its registry does not have"),
        ({"compensations": ["Counted"]}, "compensations of domain 'counter' have to be a list of type"),
        ({"ingest": "records"}, "ingest of domain 'counter' has to be Ingest"),
        ({"ingest": fed("conter")}, "ingest refers to entity 'conter'"),
        ({"example": {"path": "/"}}, "example of domain 'counter' has to be Example"),
    ],
)
def test_a_manifest_that_contradicts_itself_names_what_to_mend(changes: dict[str, Any], mended: str) -> None:
    with pytest.raises(ConfigurationError, match=mended):
        made("counter", Counted, **changes)


def test_a_decide_whose_types_cannot_be_looked_up_yet_is_let_through() -> None:
    def annotated(command: Any, state: Count) -> Sequence[pytest.NotThereYet]:  # type: ignore[name-defined]  # noqa: ARG001
        return ()

    made("counter", Counted, deciders=[decider("counter", annotated)])


def test_a_deferred_command_may_be_scheduled() -> None:
    deferring = replace(decider("counter"), deferred=[Later])
    made("counter", Counted, deciders=[deferring], policies=[Policy("w", "counter", react, schedules=[Later])])


def test_a_command_for_which_nothing_was_decided_is_named() -> None:
    with pytest.raises(ConfigurationError, match="'counter' returned None for Later"):
        decider("counter", lambda command, state: None).decided(Later(), Count())  # noqa: ARG005


def test_domains_are_joined_whole_and_each_keeps_what_is_its_own() -> None:
    both = join([COUNTER, BELL])
    assert both.name == "counter, bell"
    assert both.registry.event_types == ("Counted", "Rung")
    assert both.registry.decode("Rung", 1, {"count": 2}) == Rung(times=2), "its upcasters come along"
    assert [each.entity for each in both.deciders] == ["counter", "bell"]
    assert [each.name for each in both.projections] == ["counters", "bells"]
    assert [each.name for each in both.policies] == ["watch_counter", "watch_bell"]
    assert (both.owner("bell"), both.owner("counter"), both.legacy) == ("bell", "counter", "counter.legacy")
    assert both.ingest is BELL.ingest
    assert join([BELL]) is BELL


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (made("counter", Rung), "domain 'counter'"),
        (made("bell", Rung, deciders=[decider("bell"), decider("counter")]), "entity 'counter'"),
        (made("bell", Counted), "event 'Counted'"),
        (made("bell", Rung, projections=[rows("counters", "bell")]), "projection 'counters'"),
        (made("bell", Rung, policies=[Policy("watch_counter", "bell", react)]), "policy 'watch_counter'"),
        (made("bell", Rung, settings=CounterSettings), "setting 'rest_deadline_minutes'"),
        (made("bell", Rung, legacy="bell.legacy"), "adapter of a legacy system"),
        (BELL, "ingest"),
    ],
)
def test_what_two_domains_declare_is_refused_with_both_owners(other: Domain, what: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{what}.* is declared by both 'counter' and '{other.name}'"):
        join([replace(COUNTER, ingest=fed("counter")), other])


def test_a_joined_domain_publishes_what_its_parts_do() -> None:
    loud = replace(BELL, published={Rung: lambda rung: Count(times=rung.times)})
    both = join([COUNTER, loud])
    assert (both.public(Counted(times=1)), both.public(Rung(times=2))) == (None, Count(times=2))
    assert replace(loud, published={Rung: True}).public(Rung(times=2)) == Rung(times=2)


def test_settings_are_read_for_each_part_and_checked() -> None:
    both = join([COUNTER, BELL])
    read = read_domain_settings(both, {"BANYAN_REST_DEADLINE_MINUTES": "7", "BANYAN_LOUDNESS": "9"})
    assert read == {"counter": CounterSettings(rest_deadline_minutes=7), "bell": BellSettings(loudness=9)}
    assert deadline_durations(read.values()) == {"rest": timedelta(minutes=7)}
    with pytest.raises(ConfigurationError, match="BANYAN_REST_DEADLINE_MINUTES"):
        read_domain_settings(both, {"BANYAN_REST_DEADLINE_MINUTES": "0"})


def test_projections_are_as_the_settings_of_their_part_have_them() -> None:
    tuned = replace(BELL, tuned=lambda settings: [replace(rows("bells", "bell"), version=settings.loudness)])
    both = join([COUNTER, tuned])
    read = read_domain_settings(both, {"BANYAN_LOUDNESS": "9"})
    assert [(each.name, each.version) for each in both.with_settings(read).projections] == [
        ("counters", 1),
        ("bells", 9),
    ]
    assert COUNTER.with_settings(read) is COUNTER
    other = replace(BELL, tuned=lambda _: [rows("chimes", "bell")])
    with pytest.raises(ConfigurationError, match="domain 'bell' has other projections with its settings"):
        other.with_settings(read)


class Guarded(BaseModel):
    """Settings of which one has members."""

    limits: dict[str, int] = Field(default_factory=dict)
    rest_deadline_minutes: float = 5


def test_settings_of_domains_are_given_without_variables_of_their_own() -> None:
    domain = made("bell", Rung, settings=Guarded)
    given = "limits.EUR=100, limits.a b=2,rest_deadline_minutes=7"
    variables = {"BANYAN_DOMAIN_SETTINGS": given, "BANYAN_REST_DEADLINE_MINUTES": "9"}
    assert read_domain_settings(domain, variables)["bell"] == Guarded(
        limits={"EUR": 100, "a b": 2}, rest_deadline_minutes=7
    )
    assert read_domain_settings(domain, {"BANYAN_DOMAIN_SETTINGS": ""})["bell"] == Guarded()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("loudnes=3", "declares a setting 'loudnes'"),
        ("limits", "'limits' is not name=value"),
        ("limits=3,limits.EUR=4", "'limits.EUR=4' is not name=value"),
        ("limits.EUR=much", "BANYAN_LIMITS: .*integer"),
    ],
)
def test_settings_that_do_not_fit_are_named(given: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        read_domain_settings(made("bell", Rung, settings=Guarded), {"BANYAN_DOMAIN_SETTINGS": given})


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, ["has policies"]),
        ({"policies": []}, []),
        ({"policies": [], "published": {Rung: True}}, ["publishes events"]),
        ({"policies": [], "deciders": [replace(decider("bell"), deferred=[Later])]}, ["defers commands"]),
    ],
)
def test_a_domain_that_needs_the_reactor_is_not_served_without_it(changes: dict[str, Any], reasons: list[str]) -> None:
    domain, off = made("bell", Rung, **changes), Settings(reactions="off", traces="off")
    assert domain.reactions == reasons
    if reasons:
        with pytest.raises(ConfigurationError, match=f"'bell' needs Reactions=on: it {reasons[0]}$"):
            check_reactions(off, domain)
    else:
        check_reactions(off, domain)
    with pytest.raises(ConfigurationError, match=r"keeps traces, unless Traces=off$"):
        check_reactions(Settings(reactions="off"), domain)
    check_reactions(Settings(), domain)


def test_a_setting_of_the_engine_belongs_to_no_domain() -> None:
    with pytest.raises(ConfigurationError, match="'max_retries' of domain 'bell' is one of the engine's"):
        read_domain_settings(made("bell", Rung, settings=Taken), {})


@pytest.mark.parametrize(("named", "told"), [("", "no domain is named"), ("json,json", "'json' is declared twice")])
def test_domains_are_named_once_each(named: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        load_domain(named)
