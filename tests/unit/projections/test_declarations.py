"""What a domain declares is checked when it is declared."""

from __future__ import annotations

import pytest
from tests.support.projections import Balance, Cured, balances

from banyan.errors import ConfigurationError
from banyan.projections.base import RESERVED_NAMES, Lookup, StreamProjection, ViewProjection
from banyan.reactions.base import REACTOR


@pytest.mark.parametrize("name", ["", "a@1", "a#b", "a b"])
def test_names_stay_apart_in_keys(name: str) -> None:
    evolve = balances(Cured()).evolve
    with pytest.raises(ConfigurationError, match="part of every key"):
        StreamProjection(name, "account", Balance, Balance, evolve)
    with pytest.raises(ConfigurationError, match="part of every key"):
        ViewProjection(name, "account", lambda _: [])


@pytest.mark.parametrize("name", sorted({REACTOR.projection} | RESERVED_NAMES))
def test_no_projection_has_a_name_under_which_the_engine_keeps_cursors(name: str) -> None:
    with pytest.raises(ConfigurationError, match="the engine's own"):
        ViewProjection(name, "account", lambda _: [])


def test_a_projection_has_at_most_three_lookups() -> None:
    lookup: Lookup[Balance] = Lookup("all", lambda _: "all", lambda _: "")
    with pytest.raises(ConfigurationError, match="more than 3 lookups"):
        StreamProjection("balances", "account", Balance, Balance, balances(Cured()).evolve, [lookup] * 4)
