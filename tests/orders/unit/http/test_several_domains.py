"""One stack serves several domains: their routes side by side, their events under their own names."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from types import ModuleType

import pytest
from aws_lambda_powertools.event_handler.api_gateway import Router as AnyRouter

from banyan.domain import join, load_domain
from banyan.entrypoints.http.call import routes_of
from banyan.entrypoints.http.openapi import document, public_routes, routers
from banyan.errors import ConfigurationError
from banyan.http import Router
from orders import DOMAIN

TASKS = "banyan_tools.new.domain"


def test_the_routes_of_all_are_answered_and_described() -> None:
    both = load_domain(f"orders, {TASKS}")
    commands, queries = map(declared, routers(both))
    for name in ("orders", TASKS):
        alone = routers(load_domain(name))
        assert set() < declared(alone[0]) <= commands
        assert set() < declared(alone[1]) <= queries
    described = json.loads(document(both, public_routes(both, checks={})))
    assert {"/orders", "/tasks/{taskId}"} <= described["paths"].keys()


def declared(routers: Iterable[AnyRouter]) -> set[tuple[str, str]]:
    return {route for router in routers for route in routes_of(router)}


def test_events_come_from_the_domain_that_declares_their_entity() -> None:
    both = load_domain(f"orders,{TASKS}")
    assert (both.owner("order"), both.owner("inventory"), both.owner("task")) == ("orders", "orders", TASKS)


@pytest.mark.parametrize("path", ["/orders", "/orders/<otherName>/pay"])
def test_a_route_that_two_domains_answer_is_refused_with_both_owners(
    monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    routes = ModuleType("other.routes")
    routes.commands, routes.queries = Router(), Router()  # type: ignore[attr-defined]
    routes.commands.post(path)(lambda: None)
    monkeypatch.setitem(sys.modules, "other.routes", routes)
    tasks = replace(load_domain(TASKS), name="other", routes="other.routes")
    with pytest.raises(ConfigurationError, match=r"route 'POST /orders.*' is declared by both 'orders' and 'other'"):
        routers(join([DOMAIN, tasks]))


def served(names: Sequence[str]) -> set[str]:
    return {part.name for part in load_domain(",".join(names)).parts}


def test_the_order_in_which_they_are_named_changes_nothing() -> None:
    assert served(["orders", TASKS]) == served([TASKS, "orders"]) == {"orders", TASKS}
