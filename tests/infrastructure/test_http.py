"""The HTTP API: which function answers what, and who may ask."""

from __future__ import annotations

from typing import Any

import pytest

from banyan.entrypoints.http.identity import ADMIN
from banyan_tools.local.routes import routes
from banyan_tools.local.template import Template
from banyan_tools.runtime.sandbox import load_template

ANSWERED_BY = {
    "GET /health": "banyan-QueryApi",
    "GET /openapi.json": "banyan-QueryApi",
    "GET /{proxy+}": "banyan-QueryApi",
    "POST /{proxy+}": "banyan-CommandApi",
    "PUT /{proxy+}": "banyan-CommandApi",
    "PATCH /{proxy+}": "banyan-CommandApi",
    "DELETE /{proxy+}": "banyan-CommandApi",
    "GET /admin/{proxy+}": "banyan-Console",
    "POST /admin/{proxy+}": "banyan-Console",
    "GET /console": "banyan-Console",
    "GET /console/{proxy+}": "banyan-Console",
}
PUBLIC = {"GET /health", "GET /openapi.json", "GET /console", "GET /console/{proxy+}"}
ISSUER = "https://issuer.example.com/"


def authorized(template: Template) -> set[str]:
    """Routes that ask for a token."""
    return {route.key for route in routes(template) if route.authorizer}


def test_queries_and_commands_are_answered_by_functions_of_their_own(template: Template) -> None:
    assert {route.key: route.function.rpartition(":")[2] for route in routes(template)} == ANSWERED_BY


def test_with_issuer_and_audience_every_route_but_the_public_ones_asks_for_a_token() -> None:
    template = load_template(JwtIssuer=ISSUER, JwtAudience="banyan")
    assert authorized(template) == ANSWERED_BY.keys() - PUBLIC
    (authorizer,) = template.resources("AWS::ApiGatewayV2::Authorizer")
    assert authorizer.properties["AuthorizerType"] == "JWT"
    assert authorizer.properties["JwtConfiguration"] == {"Issuer": ISSUER, "Audience": ["banyan"]}
    assert authorizer.properties["IdentitySource"] == ["$request.header.Authorization"]


def test_each_of_several_audiences_will_do() -> None:
    (authorizer,) = load_template(JwtIssuer=ISSUER, JwtAudience="api,console").resources(
        "AWS::ApiGatewayV2::Authorizer"
    )
    assert authorizer.properties["JwtConfiguration"]["Audience"] == ["api", "console"]


def test_only_the_operators_routes_ask_for_a_scope() -> None:
    template = load_template(JwtIssuer=ISSUER, JwtAudience="banyan")
    scoped = {route.key: list(route.scopes) for route in routes(template) if route.scopes}
    assert scoped == {key: [ADMIN] for key in ANSWERED_BY if "/admin/" in key}


@pytest.mark.parametrize("given", [{}, {"JwtIssuer": ISSUER}, {"JwtAudience": "banyan"}])
def test_without_both_there_is_no_authorizer(given: dict[str, str]) -> None:
    template = load_template(**given)
    assert template.resources("AWS::ApiGatewayV2::Authorizer") == []
    assert authorized(template) == set()


@pytest.mark.parametrize(
    ("given", "limits"), [({}, (100, 200)), ({"ThrottleRate": "2500", "ThrottleBurst": "5000"}, (2500, 5000))]
)
def test_requests_are_throttled_as_the_parameters_say(given: dict[str, str], limits: tuple[int, int]) -> None:
    (stage,) = load_template(**given).resources("AWS::ApiGatewayV2::Stage")
    found = stage.properties["DefaultRouteSettings"]
    assert (int(found["ThrottlingRateLimit"]), int(found["ThrottlingBurstLimit"])) == limits


def test_queries_are_throttled_apart_from_commands() -> None:
    chosen = load_template(QueryThrottleRate="7", QueryThrottleBurst="9")
    (stage,) = chosen.resources("AWS::ApiGatewayV2::Stage")
    of_queries = [key for key, function in ANSWERED_BY.items() if function == "banyan-QueryApi" and key not in PUBLIC]
    settings = stage.properties["RouteSettings"]
    assert [*settings] == of_queries
    assert [(int(each["ThrottlingRateLimit"]), int(each["ThrottlingBurstLimit"])) for each in settings.values()] == [
        (7, 9)
    ]
    assert int(stage.properties["DefaultRouteSettings"]["ThrottlingRateLimit"]) == 100


def test_a_stage_with_settings_of_a_route_waits_for_the_route(written: dict[str, Any]) -> None:
    routes = {
        each["Properties"]["RouteKey"]: name
        for name, each in written["Resources"].items()
        if "RouteKey" in each.get("Properties", {})
    }
    stage = written["Resources"]["HttpStage"]
    assert [routes[key] for key in stage["Properties"]["RouteSettings"]] == [stage["DependsOn"]]


@pytest.mark.parametrize("function", ["Command", "Query"])
def test_concurrency_is_reserved_for_commands_and_for_queries_only_when_it_is_chosen(function: str) -> None:
    def reserved(**given: str) -> dict[str, Any]:
        found = load_template(**given).resources("AWS::Lambda::Function")
        return {f.name: f.properties.get("ReservedConcurrentExecutions") for f in found}

    assert {*reserved().values()} == {None}
    chosen = reserved(**{f"{function}Concurrency": "20"})
    assert {name: int(value) for name, value in chosen.items() if value} == {f"banyan-{function}Api": 20}


def test_functions_behind_the_api_end_before_the_gateway_stops_waiting(template: Template) -> None:
    answering = set(ANSWERED_BY.values())
    functions = [f for f in template.resources("AWS::Lambda::Function") if f.name in answering]
    assert len(functions) == 3
    assert all(function.properties["Timeout"] < 30 for function in functions)


def test_no_path_ends_in_a_slash_which_api_gateway_refuses(template: Template) -> None:
    assert [route.key for route in routes(template) if route.key.endswith("/")] == []
