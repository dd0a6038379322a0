"""What the API accepts as body, headers and token, and what it refuses."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.http.api import ORDER, Server, body_of, event, problem

from banyan.aws.http_headers import Headers
from banyan.aws.http_json import read_body
from banyan.aws.identity import Caller, ForbiddenTenant, Unauthorized, identify
from banyan.aws.problems import BadRequest, BodyTooLarge

LIMIT = 1000


def read(body: str, *, encoded: bool = False) -> Any:
    return read_body({"body": body, "isBase64Encoded": encoded}, LIMIT)


def test_numbers_stay_exact() -> None:
    assert read('{"price": 0.1, "many": 3, "large": 12345678901234567.89}') == {
        "price": Decimal("0.1"),
        "many": 3,
        "large": Decimal("12345678901234567.89"),
    }


def test_an_encoded_body_is_decoded_and_an_empty_one_is_an_empty_object() -> None:
    assert read(base64.b64encode('{"name": "Köln"}'.encode()).decode(), encoded=True) == {"name": "Köln"}
    assert read_body({}, LIMIT) == read("  ") == {}


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "nonsense",
        '{"a": NaN}',
        '{"a": -Infinity}',
        '{"a": 1, "a": 2}',
        '{"a": 1e99999999999999999999}',
        '{"a": "\\ud800"}',
        '"\ud800"',
        "[1]",
        '"text"',
        "[" * LIMIT,
        '{"a":' * 150,
    ],
)
def test_what_is_no_plain_json_object_is_malformed(body: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read(body)
    assert refused.value.code == "malformed_json"


@pytest.mark.parametrize("body", [b"\xff", '{"a": "ü"}'.encode("latin-1"), b"\xed\xa0\x80"])
def test_what_is_no_utf8_is_malformed(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read(base64.b64encode(body).decode(), encoded=True)


def test_nesting_that_no_parser_survives_is_malformed() -> None:
    depth = 200_000
    with pytest.raises(BadRequest):
        read_body({"body": "[" * depth + "]" * depth}, 2 * depth)


def test_the_limit_counts_bytes_not_characters() -> None:
    body = json.dumps({"a": "ü" * 400}, ensure_ascii=False)
    assert read_body({"body": body}, len(body.encode()))
    with pytest.raises(BodyTooLarge):
        read_body({"body": body}, len(body.encode()) - 1)


@settings(deadline=None, max_examples=50)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_what_json_writes_comes_back(value: Any) -> None:
    assert read_body({"body": json.dumps({"value": value}, ensure_ascii=False)}, 10**6) == {"value": value}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2010-12-01T08:26:00Z", datetime(2010, 12, 1, 8, 26, tzinfo=UTC)),
        ("2010-12-01t08:26:00.5z", datetime(2010, 12, 1, 8, 26, 0, 500_000, tzinfo=UTC)),
        ("2010-12-01T00:26:00+01:00", datetime(2010, 11, 30, 23, 26, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_utc(text: str, moment: datetime) -> None:
    found = Headers({"x-occurred-at": text}).occurred_at
    assert found == moment
    assert found is not None
    assert found.tzinfo == UTC


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Occurred-At", "2010-12-01"),
        ("X-Occurred-At", "2010-12-01T08:26:00"),
        ("X-Occurred-At", "2010-13-01T08:26:00Z"),
        ("X-Occurred-At", "20101201T082600Z"),
        ("X-Occurred-At", "0001-01-01T00:00:00+10:00"),
        ("X-Occurred-At", "٢٠١٠-12-01T08:26:00Z"),
        ("X-Correlation-Id", ""),
        ("X-Correlation-Id", "a b"),
        ("X-Correlation-Id", "ü"),
        ("X-Correlation-Id", "x" * 129),
        ("Idempotency-Key", ""),
        ("Idempotency-Key", "x" * 256),
        ("Idempotency-Key", "a\tb"),
        ("If-Match", "3"),
        ("If-Match", '"x"'),
        ("If-Match", 'W/"3"'),
        ("If-Match", '"3", "4"'),
    ],
)
def test_malformed_headers_are_refused_by_name(name: str, value: str) -> None:
    answer = Server().post("/orders", ORDER, **{name: value})
    assert problem(answer) == (400, "malformed_header")
    assert body_of(answer)["field"] == name


def test_headers_are_found_whatever_their_case() -> None:
    found = Headers.of({"headers": {"IF-MATCH": '"7"', "x-Correlation-ID": " abc "}})
    assert (found.expected_version, found.correlation_id) == (7, "abc")


@pytest.mark.parametrize("value", ['"2"', 'W/"2"', '"1", "2"', "*"])
def test_entity_tags_are_compared_weakly(value: str) -> None:
    assert Headers({"if-none-match": value}).matches('"2"')


def test_a_malformed_entity_tag_is_refused() -> None:
    server = Server()
    server.post("/orders", ORDER)
    assert problem(server.get("/orders/o-1", if_none_match="2")) == (400, "malformed_header")


def test_the_caller_comes_from_the_claims() -> None:
    assert identify(event("GET", "/", tenant="acme"), "tenant") == Caller("acme", "user-1")
    claims = {"sub": "u", "org": "other", "tenant": "acme"}
    assert identify(event("GET", "/", claims=claims), "org") == Caller("other", "u")


@pytest.mark.parametrize(
    "request_context",
    [{}, {"authorizer": None}, {"authorizer": {"jwt": {}}}, {"authorizer": {"jwt": {"claims": {"tenant": "acme"}}}}],
)
def test_without_a_verified_subject_nobody_is_let_in(request_context: dict[str, Any]) -> None:
    with pytest.raises(Unauthorized):
        identify({"requestContext": request_context}, "tenant")


@pytest.mark.parametrize(
    "tenant", [None, "", "_system", "_audit", "a:b", "a#b", "[acme other]", 7, "x" * 513, "-a", "a\n"]
)
def test_a_claim_that_names_no_tenant_is_forbidden(tenant: Any) -> None:
    answer = Server().get("/orders", claims={"sub": "u", "tenant": tenant})
    assert problem(answer) == (403, "forbidden_tenant")


def test_a_token_without_the_claim_is_forbidden() -> None:
    with pytest.raises(ForbiddenTenant):
        identify(event("GET", "/", claims={"sub": "u"}), "tenant")


def test_nobody_learns_about_a_body_before_saying_who_calls() -> None:
    assert problem(Server().post("/orders", "{", tenant=None)) == (401, "unauthorized")
