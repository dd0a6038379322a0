"""The console's page needs no token; what it shows does."""

from __future__ import annotations

from tests.orders.support.http import CONTEXT, Answer, Server, event, problem


def got(path: str) -> Answer:
    """The answer of the console's function to a request without a token."""
    return Server().console(event("GET", path, tenant=None, x_correlation_id="look-1"), CONTEXT)


def test_the_page_needs_no_token() -> None:
    answer = got("/console")
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, True)
    assert answer["headers"]["X-Correlation-Id"] == "look-1"
    assert answer["headers"]["Content-Type"].startswith("text/html")


def test_what_is_not_there_is_not_found() -> None:
    assert problem(got("/console/nothing.js")) == (404, "not_found")
    assert problem(got("/console/../api.py")) == (404, "not_found")


def test_the_operators_api_and_what_only_begins_like_the_page_need_one() -> None:
    assert problem(got("/admin/projections")) == (401, "unauthorized")
    assert problem(got("/consoles")) == (401, "unauthorized")
    assert problem(got("/admin/../console")) == (401, "unauthorized")
