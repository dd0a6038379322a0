"""The decider: a domain's rules as three pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from hashlib import sha256
from typing import Any, Final, Generic, TypeVar

import orjson
from pydantic import BaseModel
from pydantic.errors import PydanticInvalidForJsonSchema

from banyan.errors import ConfigurationError
from banyan.events import DomainEvent

S = TypeVar("S", bound=BaseModel)
C = TypeVar("C")

FINGERPRINT_LETTERS: Final = 16
NAMED: Final = frozenset({"properties", "$defs"})
WORDING: Final = frozenset({"title", "description", "examples"})


@dataclass(frozen=True, slots=True)
class Decider(Generic[S, C]):
    """The rules of one kind of aggregate.

    Parameters
    ----------
    entity : str
        Middle part of its stream names.
    initial : Callable[[], State]
        State before the first event.
    decide : Callable[[Command, State], Sequence[DomainEvent]]
        Events that follow from a command; raises ``CommandRejected`` when the rules forbid it.
    evolve : Callable[[State, DomainEvent], State]
        State after one more event; never fails for an event that was decided.
    state : type[State]
        Frozen pydantic model, so that it can be kept in a snapshot.
    state_version : int
        Raise it when the meaning of ``evolve`` changes; older snapshots are then ignored. A changed shape of the state
        is noticed without it.
    deferred : Sequence[type[BaseModel]]
        Commands that a policy may schedule: they wait as JSON, under the name of their class.
    """

    entity: str
    initial: Callable[[], S]
    decide: Callable[[C, S], Sequence[DomainEvent]]
    evolve: Callable[[S, DomainEvent], S]
    state: type[S]
    state_version: int = 1
    deferred: Sequence[type[BaseModel]] = ()

    def fold(self, events: Iterable[DomainEvent], state: S | None = None) -> S:
        """State after ``events``, starting from ``state`` or from the beginning."""
        return reduce(self.evolve, events, self.initial() if state is None else state)

    @property
    def fingerprint(self) -> str:
        """A digest of the state's fields, types and defaults."""
        return fingerprint_of(self.state)

    def decided(self, command: C, state: S) -> Sequence[DomainEvent]:
        """What ``decide`` answers.

        Raises
        ------
        ConfigurationError
            It answers None, which is most often a forgotten branch.
        """
        events: Sequence[DomainEvent] | None = self.decide(command, state)
        if events is None:
            name = type(command).__name__
            raise ConfigurationError(
                f"decide of entity {self.entity!r} returned None for {name}: return its events, or ()"
            )
        return events

    def reads(self, state_version: int, fingerprint: str) -> bool:
        """Whether a kept state may be gone on with: it has this version, and the model has not changed since.

        A field that was added without raising ``state_version`` would parse, with its default in place of what the
        events say. A state without a fingerprint is older than fingerprints, and is judged by its version alone.
        """
        return state_version == self.state_version and fingerprint in ("", self.fingerprint)


AnyDecider = Decider[Any, Any]


@cache
def fingerprint_of(model: type[BaseModel]) -> str:
    """A digest of a model's fields, types and defaults; the wording of its documentation does not count.

    Empty for a model whose JSON schema cannot be made, or not be written.
    """
    try:
        schema = _without_wording(model.model_json_schema(mode="serialization"))
        content = orjson.dumps(schema, option=orjson.OPT_SORT_KEYS)
    except (PydanticInvalidForJsonSchema, orjson.JSONEncodeError):
        return ""
    return sha256(content).hexdigest()[:FINGERPRINT_LETTERS]


def _without_wording(schema: Any) -> Any:
    """A schema without titles and descriptions; what has a name of its own, such as a field, may be called so."""
    if isinstance(schema, list):
        return [_without_wording(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    named = {key: {name: _without_wording(each) for name, each in schema[key].items()} for key in NAMED & schema.keys()}
    return named | {key: _without_wording(each) for key, each in schema.items() if key not in WORDING | NAMED}
