from __future__ import annotations

import pytest

from banyan_tools.local.routes import Route, match

ROUTES = sorted(
    (
        Route(key, "function")
        for key in (
            "$default",
            "ANY /{proxy+}",
            "GET /{proxy+}",
            "GET /orders/{id}",
            "ANY /orders/{id}",
            "GET /orders/latest",
            "GET /orders/{id}/items/{item}",
            "GET /orders/{proxy+}",
            "POST /orders",
        )
    ),
    key=Route.precedence,
)


@pytest.mark.parametrize(
    ("method", "path", "key", "parameters"),
    [
        ("GET", "/orders/latest", "GET /orders/latest", {}),
        ("GET", "/orders/7", "GET /orders/{id}", {"id": "7"}),
        ("PUT", "/orders/7", "ANY /orders/{id}", {"id": "7"}),
        ("PUT", "/orders/latest", "ANY /orders/{id}", {"id": "latest"}),
        ("GET", "/orders/7/items/2", "GET /orders/{id}/items/{item}", {"id": "7", "item": "2"}),
        ("GET", "/orders/7/items", "GET /orders/{proxy+}", {"proxy": "7/items"}),
        ("GET", "/customers/1", "GET /{proxy+}", {"proxy": "customers/1"}),
        ("POST", "/orders", "POST /orders", {}),
        ("DELETE", "/orders", "ANY /{proxy+}", {"proxy": "orders"}),
        ("GET", "/", "$default", {}),
        ("GET", "/orders/a%20b", "GET /orders/{id}", {"id": "a b"}),
    ],
)
def test_the_most_exact_route_wins(method: str, path: str, key: str, parameters: dict[str, str]) -> None:
    found = match(ROUTES, method, path)

    assert found is not None
    assert (found[0].key, found[1]) == (key, parameters)


@pytest.mark.parametrize(("method", "path"), [("GET", "/orders"), ("POST", "/orders/7"), ("POST", "/ordersX")])
def test_no_route_without_the_method_and_the_path(method: str, path: str) -> None:
    assert match([Route("POST /orders", "function"), Route("GET /orders/{id}", "function")], method, path) is None


def test_a_dot_in_a_path_is_a_dot() -> None:
    assert match([Route("GET /openapi.json", "function")], "GET", "/openapiXjson") is None
