"""Sharded gates: what every command checks and few change, in several streams that say the same."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from banyan.decider import AnyDecider
from banyan.decision import Participant, Participants


@dataclass(frozen=True, slots=True)
class Shards:
    """The streams that stand for one thing.

    DynamoDB lets no two transactions touch one item at a time, not even to check it. What all commands check, such as
    a period that may be closed, is spread over several streams: a command checks one, and who changes it changes all
    of them in one decision.

    Parameters
    ----------
    id : str
        Of the thing; its streams are ``<id>.0``, ``<id>.1`` and so on.
    count : int
        At most 99, as a decision changes all at once. Never change it: a new shard would not know what the others say.
    """

    decider: AnyDecider
    id: str
    count: int

    def one(self, key: str) -> Participant:
        """The shard that commands with a key check, the same for the same key."""
        number = int.from_bytes(sha256(key.encode()).digest()[:8], "big") % self.count
        return self._shard(number)

    def all(self, role: str) -> Participants:
        """Every shard, as the roles ``<role>.0``, ``<role>.1`` and so on."""
        return {f"{role}.{number}": self._shard(number) for number in range(self.count)}

    def _shard(self, number: int) -> Participant:
        return Participant(self.decider, f"{self.id}.{number}")
