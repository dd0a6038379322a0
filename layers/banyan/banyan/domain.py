"""The manifest of a domain: all the engine needs to know of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from banyan.decider import AnyDecider
from banyan.errors import ConfigurationError
from banyan.projections.base import Projection
from banyan.reactions.base import Policy
from banyan.upcasting import EventRegistry


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
    name : str
    registry : EventRegistry
    deciders : Sequence[Decider]
        One for each entity.
    projections : Sequence[Projection]
    routes : str
        Module with the routers ``commands`` and ``queries``; imported by the API functions only.
    policies : Sequence[Policy]
    legacy : str
        Module with the adapter ``LEGACY`` of the system that is replaced, if there is one; imported only while a
        migration is on.
    example : Example
        What the local stack suggests to begin with.

    Raises
    ------
    ConfigurationError
        When two deciders share an entity, or two projections or two policies a name.
    """

    name: str
    registry: EventRegistry
    deciders: Sequence[AnyDecider]
    projections: Sequence[Projection] = field(default=())
    routes: str = ""
    policies: Sequence[Policy] = field(default=())
    legacy: str = ""
    example: Example | None = None

    def __post_init__(self) -> None:
        _unique("entity", [decider.entity for decider in self.deciders])
        _unique("projection", [projection.name for projection in self.projections])
        _unique("policy", [policy.name for policy in self.policies])

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


def load_domain(module: str) -> Domain:
    """Import the domain package named in the settings.

    Raises
    ------
    ConfigurationError
        When there is no such package, it imports what is not installed, or it exports no ``DOMAIN``.
    """
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
        raise ConfigurationError(f"{module}.DOMAIN is no banyan.domain.Domain")
    return domain


def _unique(what: str, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigurationError(f"{what} {twice[0]!r} is declared twice")
