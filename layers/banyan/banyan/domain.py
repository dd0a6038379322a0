"""The manifest of a domain: all the engine needs to know of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import reduce
from importlib import import_module
from types import NoneType
from typing import Any, Final, Literal, get_type_hints

from pydantic import BaseModel, ValidationError

from banyan.decider import AnyDecider, Decider
from banyan.decision import Decision
from banyan.errors import ConfigurationError
from banyan.events import DomainEvent, EventRegistry
from banyan.ingest import Ingest
from banyan.projections.base import Projection, RowsProjection, StreamProjection, ViewProjection
from banyan.reactions.base import Policy

Kinds = tuple[type, ...]

Public = Literal[True] | Callable[[Any], BaseModel | None]
"""What of an event goes to the event bus: all of its content, or the content that is made of it, if any."""

DEADLINE: Final = "_deadline_minutes"
PART_OF_A_STREAM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class NoSettings(BaseModel):
    """What a domain without settings declares."""


@dataclass(frozen=True, slots=True)
class Example:
    """A first request for a new user: a path of the domain's routes, and the JSON to post to it."""

    summary: str
    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Domain:
    """What a domain package exports as ``DOMAIN``.

    Parameters
    ----------
    deciders : Sequence[Decider]
        One for each entity.
    routes : str
        Module with the routers ``commands`` and ``queries``; imported by the API functions only.
    decisions : Sequence[Decision]
        The commands that are decided over several streams.
    published : Mapping[type[DomainEvent], Public]
        The events that go to the event bus, by class: ``True`` as they are, or a pure function that makes the public
        content of an event, and ``None`` of one that is to stay private. All other events are private.
    compensations : Sequence[type[DomainEvent]]
        The events that take back what earlier ones did, such as the release of a reservation: traces mark them.
    legacy : str
        Module with the adapter ``LEGACY`` of the system that is replaced, if there is one; imported only while a
        migration is on.
    settings : type[BaseModel]
        Tunables of the domain, each with a default; ``BANYAN_<FIELD>`` overrides it. A field
        ``<name>_deadline_minutes`` says after how long the deadline ``<name>`` is due.
    tuned : Callable[[BaseModel], Sequence[Projection]], optional
        The same projections, as the settings have them: for how long rows are kept, for instance. ``projections`` are
        those of the defaults. After a change of such a setting, rebuild them.
    ingest : Ingest, optional
        How records of a stream, and batches over HTTP, become commands. Of the domains that a stack serves at most one
        has it.
    example : Example
        What the local stack suggests to begin with.
    joined : Sequence[Domain]
        The domains that this one was made of, by ``join``.

    Raises
    ------
    ConfigurationError
        Naming what contradicts itself: a name that is declared twice or cannot be part of a stream name, a projection
        or policy of an entity without a decider, a policy that sends to one, a command that is scheduled and not
        deferred, a ``decide`` that is declared to return nothing, an ingest whose reference has no decider, a setting
        without a default or with one that does not fit, an event that is published or a compensation and not
        registered, and what is of another kind than its annotation says.
    """

    name: str
    registry: EventRegistry
    deciders: Sequence[AnyDecider]
    projections: Sequence[Projection] = field(default=())
    routes: str = ""
    policies: Sequence[Policy] = field(default=())
    decisions: Sequence[Decision[Any]] = field(default=())
    published: Mapping[type[DomainEvent], Public] = field(default_factory=dict)
    compensations: Sequence[type[DomainEvent]] = field(default=())
    legacy: str = ""
    settings: type[BaseModel] = NoSettings
    tuned: Callable[[Any], Sequence[Projection]] | None = None
    ingest: Ingest[Any] | None = None
    example: Example | None = None
    joined: Sequence[Domain] = field(default=())

    def __post_init__(self) -> None:
        self._check_kinds()
        _unique("entity", [decider.entity for decider in self.deciders])
        _unique("projection", [projection.name for projection in self.projections])
        _unique("policy", [policy.name for policy in self.policies])
        _unique("decision", [decision.name for decision in self.decisions])
        for decider in self.deciders:
            _check_decider(decider)
        for projection in self.projections:
            for entity in projection.entities:
                self._check_entity(f"projection {projection.name!r} reads", entity)
        for policy in self.policies:
            self._check_policy(policy)
        for event, public in self.published.items():
            self._check_published(event, public)
        for event in self.compensations:
            self._check_registered("takes back by", event)
        if self.ingest and self.ingest.reference:
            self._check_entity("ingest refers to", self.ingest.reference.entity)
        self._check_settings()

    @property
    def parts(self) -> Sequence[Domain]:
        """The domains it is made of: itself, unless it was joined."""
        return self.joined or (self,)

    def with_settings(self, settings: Mapping[str, BaseModel]) -> Domain:
        """The domain with its projections as the settings of its parts have them.

        Parameters
        ----------
        settings : Mapping[str, BaseModel]
            By the name of the part.

        Raises
        ------
        ConfigurationError
            They are not the projections that the domain declares.
        """
        if not any(part.tuned for part in self.parts):
            return self
        tuned = [each for part in self.parts for each in part.tuned_projections(settings[part.name])]
        if [each.name for each in tuned] != [each.name for each in self.projections]:
            raise ConfigurationError(f"domain {self.name!r} has other projections with its settings than without")
        return replace(self, projections=tuned)

    def tuned_projections(self, settings: BaseModel) -> Sequence[Projection]:
        """The projections of a domain that was not joined, as its settings have them."""
        return self.tuned(settings) if self.tuned else self.projections

    def decider(self, entity: str) -> AnyDecider:
        """The decider of an entity.

        Raises
        ------
        ConfigurationError
        """
        for decider in self.deciders:
            if decider.entity == entity:
                return decider
        raise ConfigurationError(f"domain {self.name!r} has no decider for entity {entity!r}")

    @property
    def reactions(self) -> Sequence[str]:
        """What of it the reactor and the deadlines are for; nothing, where they need not be deployed."""
        found = {
            "has policies": self.policies,
            "publishes events": self.published,
            "defers commands": [command for decider in self.deciders for command in decider.deferred],
        }
        return [what for what, declared in found.items() if declared]

    def public(self, event: DomainEvent) -> BaseModel | None:
        """The content that goes to the event bus; ``None`` for an event that is private."""
        public = self.published.get(type(event))
        if public is None or public is True:
            return event if public else None
        return public(event)

    def owner(self, entity: str) -> str:
        """The name of the part that declares an entity; its own for one that none does."""
        return next((part.name for part in self.parts if entity in _entities(part)), self.name)

    def _check_kinds(self) -> None:
        for name, kinds in _KINDS.items():
            if not isinstance(getattr(self, name), kinds):
                raise ConfigurationError(f"{name} of domain {self.name!r} has to be {_names(kinds)}")
        for name, kinds in _KINDS_OF_EACH.items():
            found = getattr(self, name)
            if not isinstance(found, Sequence) or not all(isinstance(each, kinds) for each in found):
                raise ConfigurationError(f"{name} of domain {self.name!r} have to be a list of {_names(kinds)}")

    def _check_settings(self) -> None:
        if not (isinstance(self.settings, type) and issubclass(self.settings, BaseModel)):
            raise ConfigurationError(f"settings of domain {self.name!r} have to be a class, a pydantic model")
        for name, declared in self.settings.model_fields.items():
            if declared.is_required():
                raise ConfigurationError(f"setting {name!r} of domain {self.name!r} has no default")
        try:
            defaults = self.settings.model_validate(dict(self.settings()))
        except ValidationError as error:
            wrong = error.errors()[0]
            what = (
                f"the default of setting {str(wrong['loc'][0])!r}" if wrong["loc"] else "a default among the settings"
            )
            raise ConfigurationError(f"{what} of domain {self.name!r} is not one: {wrong['msg']}") from error
        deadline_durations([defaults])

    def _check_entity(self, who: str, entity: str) -> None:
        if entity not in _entities(self):
            raise ConfigurationError(f"{who} entity {entity!r}, for which domain {self.name!r} has no decider")

    def _check_registered(self, does: str, event: Any) -> None:
        if event not in self.registry:
            name = getattr(event, "__name__", repr(event))
            raise ConfigurationError(f"domain {self.name!r} {does} {name}, which its registry does not have")

    def _check_published(self, event: Any, public: Any) -> None:
        self._check_registered("publishes", event)
        if public is not True and not callable(public):
            raise ConfigurationError(
                f"domain {self.name!r} publishes {event.__name__} as {public!r}: True or a function"
            )

    def _check_policy(self, policy: Policy) -> None:
        self._check_entity(f"policy {policy.name!r} reacts to", policy.entity)
        for entity in policy.sends_to:
            self._check_entity(f"policy {policy.name!r} sends to", entity)
        deferred = {command for decider in self.deciders for command in decider.deferred}
        for command in policy.schedules:
            if command not in deferred:
                raise ConfigurationError(
                    f"policy {policy.name!r} schedules {command.__name__}, which no decider lists as deferred"
                )


def load_domain(modules: str) -> Domain:
    """Import the domain packages named in the settings, separated by commas, and join them.

    Raises
    ------
    ConfigurationError
        When there is no such package, it imports what is not installed, it exports no ``DOMAIN``, or two of them
        collide.
    """
    names = [name.strip() for name in modules.split(",") if name.strip()]
    if not names:
        raise ConfigurationError("no domain is named: set BANYAN_DOMAIN, on the stack the parameter Domain")
    _unique("domain", names)
    return join([_load(name) for name in names])


def join(domains: Sequence[Domain]) -> Domain:
    """One domain that is served in place of several; a single one stays as it is.

    Raises
    ------
    ConfigurationError
        Naming what two of them declare, and both owners.
    """
    if len(domains) == 1:
        return domains[0]
    _disjoint("domain", [(each.name, [each.name]) for each in domains])
    _disjoint("entity", [(each.name, _entities(each)) for each in domains])
    _disjoint("event", [(each.name, each.registry.event_types) for each in domains])
    _disjoint("projection", [(each.name, [one.name for one in each.projections]) for each in domains])
    _disjoint("decision", [(each.name, [one.name for one in each.decisions]) for each in domains])
    _disjoint("policy", [(each.name, [one.name for one in each.policies]) for each in domains])
    _disjoint("setting", [(each.name, each.settings.model_fields) for each in domains])
    _disjoint("ingest", [(each.name, ["ingest"]) for each in domains if each.ingest])
    _disjoint("adapter of a legacy system", [(each.name, ["LEGACY"]) for each in domains if each.legacy])
    return Domain(
        name=", ".join(each.name for each in domains),
        registry=reduce(EventRegistry.including, [each.registry for each in domains]),
        deciders=[one for each in domains for one in each.deciders],
        projections=[one for each in domains for one in each.projections],
        policies=[one for each in domains for one in each.policies],
        decisions=[one for each in domains for one in each.decisions],
        published={event: public for each in domains for event, public in each.published.items()},
        compensations=[one for each in domains for one in each.compensations],
        legacy="".join(each.legacy for each in domains),
        ingest=next((each.ingest for each in domains if each.ingest), None),
        example=next((each.example for each in domains if each.example), None),
        joined=tuple(domains),
    )


def deadline_durations(settings: Iterable[BaseModel]) -> Mapping[str, timedelta]:
    """By the name of a deadline: what ``<name>_deadline_minutes`` says.

    Raises
    ------
    ConfigurationError
        Naming a setting that does not hold a number of minutes.
    """
    found = ((name, value) for each in settings for name, value in each)
    return {name.removesuffix(DEADLINE): _minutes(name, value) for name, value in found if name.endswith(DEADLINE)}


def _minutes(name: str, value: Any) -> timedelta:
    try:
        return timedelta(minutes=value)
    except (TypeError, ValueError, OverflowError) as error:
        raise ConfigurationError(f"setting {name!r} has to be a number of minutes, not {value!r}") from error


def _load(module: str) -> Domain:
    try:
        package = import_module(module)
    except ModuleNotFoundError as error:
        if error.name == module:
            raise ConfigurationError(f"there is no domain package {module!r} in layers/domains") from error
        raise ConfigurationError(f"domain {module!r} imports {error.name!r}, which is not installed") from error
    if not hasattr(package, "DOMAIN"):
        raise ConfigurationError(f"package {module!r} exports no DOMAIN")
    domain: Any = package.DOMAIN
    if not isinstance(domain, Domain):
        raise ConfigurationError(f"{module}.DOMAIN is not a banyan.domain.Domain")
    return domain


_KINDS: Final[Mapping[str, Kinds]] = {
    "name": (str,),
    "registry": (EventRegistry,),
    "routes": (str,),
    "legacy": (str,),
    "published": (Mapping,),
    "ingest": (Ingest, NoneType),
    "example": (Example, NoneType),
}
_KINDS_OF_EACH: Final[Mapping[str, Kinds]] = {
    "deciders": (Decider,),
    "projections": (StreamProjection, ViewProjection, RowsProjection),
    "policies": (Policy,),
    "decisions": (Decision,),
    "compensations": (type,),
}


def _names(kinds: Kinds) -> str:
    return " or ".join(kind.__name__ for kind in kinds if kind is not NoneType)


def _entities(domain: Domain) -> Sequence[str]:
    return [decider.entity for decider in domain.deciders]


def _check_decider(decider: AnyDecider) -> None:
    if not PART_OF_A_STREAM.fullmatch(decider.entity):
        raise ConfigurationError(f"entity {decider.entity!r} cannot be part of a stream name")
    try:
        answer = get_type_hints(decider.decide).get("return", Any)
    except (AttributeError, NameError, TypeError):
        return
    if answer is type(None):
        raise ConfigurationError(f"decide of entity {decider.entity!r} returns None: return its events, or ()")


def _unique(what: str, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigurationError(f"{what} {twice[0]!r} is declared twice")


def _disjoint(what: str, declared: Iterable[tuple[str, Iterable[str]]]) -> None:
    owners: dict[str, str] = {}
    for owner, names in declared:
        for name in names:
            if name in owners:
                raise ConfigurationError(f"{what} {name!r} is declared by both {owners[name]!r} and {owner!r}")
            owners[name] = owner
