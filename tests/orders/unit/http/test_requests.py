"""What the API accepts as body, headers and token, and what it refuses."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.orders.support.http import CONTEXT, ORDER, Server, body_of, event, problem

from banyan.entrypoints.http.identity import Caller, ForbiddenTenant, Unauthorized, identify
from banyan.entrypoints.http.problems import BadRequest, BodyTooLarge, InvalidText, UnsupportedEncoding
from banyan.entrypoints.http.requests import Headers, expect_text, read_body

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
        '{"a": {"b": 1, "b": 2}}',
        '\ufeff{"a": 1}',
        '{"a": "\ufffd"}',
        "{'a': 1}",
        '{"a": 1,}',
        '{"a": 01}',
        '{"a": "\t"}',
        "\x00",
    ],
)
def test_what_is_no_plain_json_object_is_malformed(body: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read(body)
    assert refused.value.code == "malformed_json"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"reason": "a\0b"}, "reason"),
        ({"items": [{"sku": "A"}, {"sku": "\0"}]}, "items.1.sku"),
        ({"a": {"b\0": 1}}, "a"),
        ({"\0": 1}, "(name)"),
    ],
)
def test_text_that_no_postgresql_can_hold_is_refused_by_field(body: Any, field: str) -> None:
    with pytest.raises(InvalidText) as refused:
        expect_text(body)
    assert (refused.value.field, "\0" in str(refused.value)) == (field, False)
    assert expect_text({"reason": "\u2400 \\u0000"}) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        '{"a": "ü"}'.encode("latin-1"),
        b"\xed\xa0\x80",
        b'{"a": "\xc0\xaf"}',
        '{"a": 1}'.encode("utf-16"),
        '{"a": 1}'.encode("utf-16-le"),
        '{"a": 1}'.encode("utf-8-sig"),
    ],
)
def test_what_is_no_utf8_is_malformed(body: bytes) -> None:
    with pytest.raises(BadRequest):
        read(base64.b64encode(body).decode(), encoded=True)


@pytest.mark.parametrize("body", ["*", "a", "{}", "e30", "e30=\n", "\u00e9"])
def test_what_is_not_base64_is_malformed(body: str) -> None:
    with pytest.raises(BadRequest):
        read(body, encoded=True)


@pytest.mark.parametrize("body", [{}, {"a": 1}, ["{}"], 7, True])
def test_a_body_that_is_not_text_is_not_a_failure_of_ours(body: Any) -> None:
    answer = Server().commands({**event("POST", "/orders"), "body": body}, CONTEXT)
    assert answer["statusCode"] in (400, 422)


@pytest.mark.parametrize("depth", [10, 99, 100, 101, 300, 500, 800, 990, 5000, 10_000])
def test_a_body_of_any_depth_is_refused_by_the_door(depth: int) -> None:
    nested = "[" * depth + "]" * depth
    for body in (f'{{"orderId": {nested}}}', '{"customerId":' * depth + "1" + "}" * depth):
        assert problem(Server().post("/orders", body))[0] in (400, 422)


@pytest.mark.parametrize("number", ["9" * 4000, "1e400", "1e-400", "1e999999", "-0", "0.1" + "0" * 5000, "9" * 5000])
def test_a_number_of_any_length_is_refused_by_the_door(number: str) -> None:
    for item in (f'{{"sku":"A","quantity":{number},"price":1}}', f'{{"sku":"A","quantity":1,"price":{number}}}'):
        body = f'{{"orderId":"o-1","customerId":"c","items":[{item}]}}'
        assert problem(Server().post("/orders", body))[0] in (400, 422)


PARTS = ["headers", "queryStringParameters", "pathParameters", "cookies", "body", "isBase64Encoded", "stageVariables"]


@pytest.mark.parametrize("absent", [True, False])
@pytest.mark.parametrize("part", [*PARTS, "rawQueryString", "routeKey", "version"])
def test_an_event_without_a_part_is_answered(part: str, absent: bool) -> None:
    server = Server()
    read, write = (event("GET", "/orders"), event("POST", "/orders", ORDER))
    for request in (read, write):
        request.pop(part, None)
        request |= {} if absent else {part: None}
    assert server.queries(read, CONTEXT)["statusCode"] == 200
    assert server.commands(write, CONTEXT)["statusCode"] == (422 if part == "body" else 201)


@pytest.mark.parametrize("absent", [True, False])
@pytest.mark.parametrize(
    ("part", "status"),
    [("http", 200), ("requestId", 200), ("stage", 200), ("authorizer", 401), ("", 401)],
)
def test_an_event_without_a_part_of_its_context_is_answered(part: str, status: int, absent: bool) -> None:
    request = event("GET", "/orders")
    holder = request["requestContext"] if part else request
    holder.pop(part or "requestContext")
    holder |= {} if absent else {part or "requestContext": None}
    answer = Server().queries(request, CONTEXT)
    assert answer["statusCode"] == status
    assert answer["headers"]["X-Correlation-Id"]


@pytest.mark.parametrize("value", [None, 7, ["a"], {}])
def test_a_header_that_is_not_text_counts_as_absent(value: Any) -> None:
    request = event("POST", "/orders", ORDER)
    request["headers"] |= {"x-correlation-id": value, "idempotency-key": value}
    assert Server().commands(request, CONTEXT)["statusCode"] == 201


@pytest.mark.parametrize("request_", [{}, {"requestContext": []}, {"headers": [], "requestContext": {"http": "x"}}])
def test_an_event_of_nothing_is_answered(request_: Any) -> None:
    assert problem(Server().queries(request_, CONTEXT)) == (401, "unauthorized")


def test_nesting_that_no_parser_survives_is_malformed() -> None:
    depth = 200_000
    with pytest.raises(BadRequest):
        read_body({"body": "[" * depth + "]" * depth}, 2 * depth)


def test_the_limit_counts_bytes_not_characters() -> None:
    body = json.dumps({"a": "ü" * 400}, ensure_ascii=False)
    assert read_body({"body": body}, len(body.encode()))
    with pytest.raises(BodyTooLarge):
        read_body({"body": body}, len(body.encode()) - 1)


def coded(body: bytes, coding: str = "gzip", limit: int = LIMIT) -> Any:
    """What is read of a body as the gateway hands compressed ones on."""
    encoded = base64.b64encode(body).decode()
    return read_body({"body": encoded, "isBase64Encoded": True, "headers": {"content-encoding": coding}}, limit)


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip"])
def test_a_compressed_body_is_read_as_the_plain_one(coding: str) -> None:
    body = json.dumps({"name": "Köln", "price": 0.1}, ensure_ascii=False).encode()
    assert coded(gzip.compress(body), coding) == read(body.decode())
    assert coded(gzip.compress(body[:5]) + gzip.compress(body[5:]), coding) == read(body.decode()), "of two members"


@pytest.mark.parametrize("coding", ["gzip", "identity", ""])
def test_a_body_that_the_gateway_has_decompressed_is_read_whatever_its_header_says(coding: str) -> None:
    assert coded(b'{"a":1}', coding) == {"a": 1}
    assert coded(b"", coding) == {}


def test_a_body_that_is_too_long_once_it_is_decompressed_is_refused_before_it_is() -> None:
    exact = b'{"a":"' + b"x" * (LIMIT - 8) + b'"}'
    assert coded(gzip.compress(exact))
    for too_long in (gzip.compress(exact + b" "), gzip.compress(exact) * 2, gzip.compress(bytes(900_000))):
        assert len(too_long) < LIMIT
        with pytest.raises(BodyTooLarge, match="longer than 1000 bytes"):
            coded(too_long)


@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "gzip, gzip"])
def test_a_body_in_another_coding_is_refused(coding: str) -> None:
    with pytest.raises(UnsupportedEncoding, match="send gzip"):
        coded(b"...", coding)


@pytest.mark.parametrize(
    "damage",
    [lambda whole: whole[:-9], lambda whole: whole[:2], lambda whole: whole[:12] + b"\0\0" + whole[14:]],
)
def test_a_damaged_compressed_body_is_malformed_and_said_to_be_damaged(damage: Any) -> None:
    with pytest.raises(BadRequest, match="begins as gzip does, and is damaged") as refused:
        coded(damage(gzip.compress(b'{"a": 1, "b": 2}')))
    assert refused.value.code == "malformed_json"


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffd"))


@settings(max_examples=50)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | TEXT,
        lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
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
        ("2010-12-01 08:26:00-00:00", datetime(2010, 12, 1, 8, 26, tzinfo=UTC)),
        ("2010-12-01T08:26:00.123456Z", datetime(2010, 12, 1, 8, 26, 0, 123_456, tzinfo=UTC)),
        ("2010-12-01T08:26:00.1234569Z", datetime(2010, 12, 1, 8, 26, 0, 123_456, tzinfo=UTC)),
        ("2010-12-01T08:26:00.999999999999Z", datetime(2010, 12, 1, 8, 26, 0, 999_999, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2016-12-31t23:59:60.25z", datetime(2017, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC)),
        ("2016-12-31T18:59:60-05:00", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2017-01-01T05:29:60+05:30", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2012-06-30T23:59:60Z", datetime(2012, 7, 1, tzinfo=UTC)),
        ("2012-02-29T08:26:00Z", datetime(2012, 2, 29, 8, 26, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59.999999Z", datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("2010-12-01T08:26:00+23:59", datetime(2010, 11, 30, 8, 27, tzinfo=UTC)),
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
        ("X-Occurred-At", "0000-12-01T08:26:00Z"),
        ("X-Occurred-At", "10000-12-01T08:26:00Z"),
        ("X-Occurred-At", "9999-12-31T23:59:59-00:01"),
        ("X-Occurred-At", "9999-12-31T23:59:60Z"),
        ("X-Occurred-At", "2016-12-31T23:58:60Z"),
        ("X-Occurred-At", "2016-12-30T23:59:60Z"),
        ("X-Occurred-At", "2016-12-31T23:59:60+01:00"),
        ("X-Occurred-At", "2016-12-31T23:59:61Z"),
        ("X-Occurred-At", "2010-12-01T24:00:00Z"),
        ("X-Occurred-At", "2010-12-01T08:60:00Z"),
        ("X-Occurred-At", "2010-02-29T08:26:00Z"),
        ("X-Occurred-At", "2010-12-01T08:26:00+24:00"),
        ("X-Occurred-At", "2010-12-01T08:26:00+05:60"),
        ("X-Occurred-At", "2010-12-01T08:26:00+00:60"),
        ("X-Occurred-At", "2010-12-01T08:26:00+0100"),
        ("X-Occurred-At", "2010-12-01T08:26:00.Z"),
        ("X-Occurred-At", "2010-12-01T08:26:00,5Z"),
        ("X-Occurred-At", "2010-12-01T08:26Z"),
        ("X-Occurred-At", "2010-W48-3T08:26:00Z"),
        ("X-Occurred-At", "-2010-12-01T08:26:00Z"),
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


@pytest.mark.parametrize(
    "value",
    ['"12"', '"21"', '"1"', '""', 'W/"12"', '"1", "12"', '"1",W/"22" , "3"', '"02"', '"2!"', '"*"', '"2,"', '"W/2"'],
)
def test_an_entity_tag_matches_as_a_whole(value: str) -> None:
    assert not Headers({"if-none-match": value}).matches('"2"')


def test_a_change_is_never_hidden_by_a_tag_that_looks_like_it() -> None:
    server = Server()
    server.post("/orders", ORDER)
    for tag, status in [
        ('"12"', 200),
        ('"1"', 304),
        ('"12", "1"', 304),
        ('W/"1"', 304),
        ("*", 304),
        ('"0", "11"', 200),
    ]:
        assert server.get("/orders/o-1", if_none_match=tag)["statusCode"] == status, tag


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
def test_without_a_verified_subject_no_one_is_let_in(request_context: dict[str, Any]) -> None:
    with pytest.raises(Unauthorized):
        identify({"requestContext": request_context}, "tenant")


@pytest.mark.parametrize(
    "tenant",
    [
        *(None, "", "_system", "_audit", "a:b", "a#b", "[acme other]", 7, "x" * 513, "x" * 129, "-a", "a\n"),
        *(True, 1.5, ["acme"], {"acme": 1}, "null", "NULL", "None", "<nil>", "true", "False", "undefined", "NaN"),
        *("1e+06", "[acme]", "[]", "{}", '{"a":1}', "map[a:1]"),
    ],
)
def test_a_claim_that_names_no_tenant_is_forbidden(tenant: Any) -> None:
    answer = Server().get("/orders", claims={"sub": "u", "tenant": tenant})
    assert problem(answer) == (403, "forbidden_tenant")


@pytest.mark.parametrize(
    "tenant",
    [
        *("nullable", "acme-7", "t-7", "7-eleven", "007", "1.2.3", "trueman", "0x1F", "e5", "1e"),
        *("7", "0", "1.5", "1e6", "1E21", "12345678901234567000"),
    ],
)
def test_text_that_only_begins_like_something_else_is_a_tenant(tenant: str) -> None:
    assert identify(event("GET", "/", tenant=tenant), "tenant").tenant == tenant


@pytest.mark.parametrize("subject", [None, "", 7, ["u"], "a\x00", "\ud800", "a\u202eb"])
def test_a_subject_that_is_not_readable_text_is_nobody(subject: Any) -> None:
    with pytest.raises(Unauthorized):
        identify(event("GET", "/", claims={"sub": subject, "tenant": "acme"}), "tenant")


@pytest.mark.parametrize(
    ("granted", "scopes"),
    [
        ({"scope": "a b"}, {"a", "b"}),
        ({"scp": "a b"}, {"a", "b"}),
        ({"scp": "[a b]"}, {"a", "b"}),
        ({"scope": "[a]", "scp": "b"}, {"a", "b"}),
        ({"scope": "openid", "scp": "[banyan/admin]"}, {"openid", "banyan/admin"}),
        ({"scope": ["a"]}, set()),
        ({}, set()),
    ],
)
def test_scopes_come_from_either_claim(granted: dict[str, Any], scopes: set[str]) -> None:
    claims = {"sub": "u", "tenant": "acme", **granted}
    assert identify(event("GET", "/", claims=claims), "tenant").scopes == scopes


def test_a_token_without_the_claim_is_forbidden() -> None:
    with pytest.raises(ForbiddenTenant):
        identify(event("GET", "/", claims={"sub": "u"}), "tenant")


def test_no_one_learns_about_a_body_before_saying_who_calls() -> None:
    assert problem(Server().post("/orders", "{", tenant=None)) == (401, "unauthorized")
