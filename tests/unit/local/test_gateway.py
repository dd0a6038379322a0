"""The gateway and the side door, asked over WSGI, with functions that tell what they got."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import Any

import pytest
from tests.support.clocks import wait_until
from tests.unit.local.conftest import Write
from werkzeug.test import Client
from werkzeug.wrappers import Request

from banyan_tools.local import gateway
from banyan_tools.local.authorizer import jwt_authorizer
from banyan_tools.local.console import Console
from banyan_tools.local.door import Door
from banyan_tools.local.errors import StackError
from banyan_tools.local.failures import Failures
from banyan_tools.local.functions import LARGEST_PAYLOAD_BYTES, Functions
from banyan_tools.local.gateway import LARGEST_BODY_BYTES, Gateway
from banyan_tools.local.invocations import Invocations
from banyan_tools.local.keys import AUDIENCE, ISSUER, local_key
from banyan_tools.local.routes import routes
from banyan_tools.local.token import make_token

API = f"""
    Api: {{Type: AWS::ApiGatewayV2::Api, Properties: {{Name: api, ProtocolType: HTTP}}}}
    Jwt:
      Type: AWS::ApiGatewayV2::Authorizer
      Properties:
        ApiId: !Ref Api
        Name: jwt
        AuthorizerType: JWT
        IdentitySource: [$request.header.Authorization]
        JwtConfiguration: {{Issuer: "{ISSUER}", Audience: [{AUDIENCE}]}}
    Target:
      Type: AWS::ApiGatewayV2::Integration
      Properties: {{ApiId: !Ref Api, IntegrationType: AWS_PROXY, IntegrationUri: !GetAtt Echo.Arn}}
    Public:
      Type: AWS::ApiGatewayV2::Route
      Properties: {{ApiId: !Ref Api, RouteKey: "ANY /public/{{proxy+}}", Target: !Sub "integrations/${{Target}}"}}
    Closed:
      Type: AWS::ApiGatewayV2::Route
      Properties:
        ApiId: !Ref Api
        RouteKey: GET /closed/{{id}}
        Target: !Sub integrations/${{Target}}
        AuthorizationType: JWT
        AuthorizerId: !Ref Jwt
    Echo:
      Type: AWS::Serverless::Function
      Properties: {{CodeUri: functions/echo/, Handler: app.handler, Runtime: python3.13, Timeout: 30}}
"""
GZIP = {"Content-Encoding": "gzip"}
ECHO = "def handler(event, context):\n    return event\n"


@pytest.fixture
def client(template: Write, tmp_path: Path, console: Console, request: pytest.FixtureRequest) -> Client:
    code, timeout = getattr(request, "param", (ECHO, 30))
    loaded = template(API.replace("Timeout: 30", f"Timeout: {timeout}"), {"echo": code})
    functions = Functions(loaded)
    (resource,) = loaded.resources("AWS::ApiGatewayV2::Authorizer")
    authorizers = {resource.ref: jwt_authorizer(resource, local_key(tmp_path).public_key())}
    failures = Failures(lambda: [tmp_path / "functions"], Path("functions.log"))
    gateway = Gateway(routes(loaded), authorizers, functions, console, failures)
    door = Door(gateway, functions, [], ["table"], ["stream"], Invocations(functions, console))
    return Client(Request.application(door), use_cookies=False)


def answering(*statements: str, timeout: float = 30) -> pytest.MarkDecorator:
    """Put a function behind the API that runs a statement; several give several tests."""
    handlers = [(f"def handler(event, context):\n    {statement}\n", timeout) for statement in statements]
    return pytest.mark.parametrize("client", handlers, indirect=True, ids=statements)


def test_an_event_is_what_api_gateway_sends(client: Client) -> None:
    answer = client.post(
        "/public/a%20b/c?x=1&y=%26&x=2&z=",
        data='{"n": 1}',
        headers={"Content-Type": "application/json", "X-Colour": "red", "Cookie": "a=1; b=2", "User-Agent": "test"},
        environ_base={"REMOTE_ADDR": "127.0.0.1"},
    )
    event: Any = answer.json
    context = event["requestContext"]

    assert (event["version"], event["routeKey"]) == ("2.0", "ANY /public/{proxy+}")
    assert (event["rawPath"], event["rawQueryString"]) == ("/public/a b/c", "x=1&y=%26&x=2&z=")
    assert event["queryStringParameters"] == {"x": "1,2", "y": "&", "z": ""}
    assert event["pathParameters"] == {"proxy": "a b/c"}
    assert event["cookies"] == ["a=1", "b=2"]
    assert (event["headers"]["x-colour"], "cookie" in event["headers"]) == ("red", False)
    assert (event["body"], event["isBase64Encoded"]) == ('{"n": 1}', False)
    assert (context["stage"], context["routeKey"]) == ("$default", event["routeKey"])
    assert context["http"] == {
        "method": "POST",
        "path": "/public/a b/c",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "test",
    }
    assert re.fullmatch(r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000", context["time"])
    assert isinstance(context["timeEpoch"], int)
    assert context["requestId"]
    assert "authorizer" not in context


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:3000", "127.0.0.1", "127.0.0.1:3000", "127.8.9.1:80", "[::1]", "[::1]:3000"],
)
def test_the_side_door_is_open_under_loopback_names(client: Client, host: str) -> None:
    assert client.get("/_local/status", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:3000", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1.nip.io"),
        *("evil.example@localhost", "localhost@evil.example", "localhost,evil.example", "192.168.1.7:3000", "0.0.0.0"),
        *("[::2]", "[::1].evil.example", "1270.0.0.1", "127.1", "2130706433", "localhost:evil", "localhost:", ""),
        *("127.0.0.1\t", "１２７.0.0.1".encode().decode("latin-1"), "localhost."),
    ],
)
def test_the_side_door_is_closed_under_other_names(client: Client, host: str) -> None:
    invocations = "/_local/lambda/2015-03-31/functions/banyan-Echo/invocations"
    for path in (
        "/_local/status",
        "/_local/invoke/Echo",
        "/_local/dynamodb",
        "/_local/kinesis",
        invocations,
        "/_local/nothing",
    ):
        answer = client.post(path, headers={"Host": host, "X-Amz-Invocation-Type": "Event"}, json={})
        problem: Any = answer.json

        assert (answer.status_code, problem["code"]) == (421, "misdirected")
    assert client.get("/_local/status", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_page_of_another_origin_invokes_nothing_with_what_it_may_send_unasked(client: Client, kind: str) -> None:
    """A browser sends these three without asking first, under the name of this machine."""
    for service in ("dynamodb", "kinesis"):
        put = client.post(
            f"/_local/{service}", headers={"Host": "localhost:3000", "Content-Type": kind}, data="Action=ListTables"
        )
        assert put.status_code == 404
    invocations = "/_local/lambda/2015-03-31/functions/banyan-Echo/invocations"
    headers = {"Host": "localhost:3000", "Origin": "https://evil.example", "Content-Type": kind}

    assert client.post("/_local/invoke/Echo", headers=headers, data="{}").status_code == 415
    assert client.post(invocations, headers=headers, data="{}").status_code == 404


@pytest.mark.parametrize("path", ["/_local/status", "/_local/invoke/Echo", "/public/x"])
@pytest.mark.parametrize("method", ["OPTIONS", "GET", "POST"])
def test_no_page_of_another_origin_is_let_in(client: Client, method: str, path: str) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = client.open(path, method=method, headers=headers)

    assert [name for name, _ in answer.headers if name.lower().startswith("access-control-")] == []


def test_the_api_itself_may_have_any_name(client: Client) -> None:
    assert client.get("/public/x", headers={"Host": "api.example"}).status_code == 200


def test_a_body_that_is_not_utf8_keeps_nothing_of_its_bytes(client: Client) -> None:
    event: Any = client.post("/public/x", data=b'{"a": "\xff"}', content_type="application/json").json

    assert (event["body"], event["isBase64Encoded"]) == ('{"a": "\ufffd"}', False)


def test_what_a_request_lacks_its_event_lacks(client: Client) -> None:
    event: Any = client.get("/public/x").json

    assert {"body", "cookies", "queryStringParameters"}.isdisjoint(event)
    assert (event["rawQueryString"], event["isBase64Encoded"]) == ("", False)


@pytest.mark.parametrize("media_type", ["application/octet-stream", "application/x-www-form-urlencoded"])
def test_a_body_that_is_not_text_comes_as_base64(client: Client, media_type: str) -> None:
    event: Any = client.post("/public/x", data=b"\x00\xff", content_type=media_type).json

    assert (event["body"], event["isBase64Encoded"]) == (base64.b64encode(b"\x00\xff").decode(), True)


def test_a_compressed_body_comes_as_base64_whatever_its_type(client: Client) -> None:
    event: Any = client.post("/public/x", data=b"\x1f\x8b", content_type="application/json", headers=GZIP).json

    assert (event["body"], event["isBase64Encoded"]) == (base64.b64encode(b"\x1f\x8b").decode(), True)


def test_a_closed_route_hands_over_the_claims(client: Client, tmp_path: Path) -> None:
    event: Any = client.get("/closed/7", headers={"Authorization": f"Bearer {make_token('acme', tmp_path)}"}).json

    assert event["requestContext"]["authorizer"]["jwt"]["claims"]["tenant"] == "acme"
    assert event["pathParameters"] == {"id": "7"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/closed/7", 401, "unauthorized"),
        ("GET", "/nowhere", 404, "not_found"),
        ("POST", "/closed/7", 404, "not_found"),
        ("GET", "/_local/nothing", 404, "not_found"),
        ("POST", "/_local/invoke/Nobody", 404, "not_found"),
    ],
)
def test_the_gateway_answers_problems_itself(client: Client, method: str, path: str, status: int, code: str) -> None:
    answer = client.open(path, method=method)
    problem: Any = answer.json

    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert (problem["status"], problem["code"]) == (status, code)


@answering("return {'size': len(event['body'])}")
@pytest.mark.parametrize(
    ("size", "kind", "fits"),
    [
        (LARGEST_PAYLOAD_BYTES - 4096, "text/plain", True),
        (LARGEST_PAYLOAD_BYTES, "text/plain", False),
        (LARGEST_PAYLOAD_BYTES * 3 // 4 - 4096, "image/png", True),
        (LARGEST_PAYLOAD_BYTES * 3 // 4, "image/png", False),
        (LARGEST_BODY_BYTES, "text/plain", False),
        (LARGEST_BODY_BYTES + 1, "text/plain", False),
    ],
)
def test_a_body_may_have_what_the_gateway_and_the_function_take(
    client: Client, size: int, kind: str, fits: bool
) -> None:
    answer = client.post("/public/x", data=b"x" * size, content_type=kind)
    if fits:
        assert answer.json == {"size": size if kind == "text/plain" else (size + 2) // 3 * 4}
    else:
        assert (answer.status_code, answer.json["code"] if answer.json else None) == (413, "payload_too_large")


@answering("return 'x' * (6 * 1024 * 1024 - len(event['rawQueryString']))")
@pytest.mark.parametrize(("query", "status"), [("xx", 200), ("x", 500)])
def test_an_answer_may_have_six_megabytes(client: Client, query: str, status: int) -> None:
    assert client.get(f"/public/x?{query}").status_code == status


@answering("import threading; threading.Event().wait(600)", timeout=60)
def test_no_function_is_waited_for_longer_than_an_integration_may_take(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "INTEGRATION_SECONDS", 0.05)
    assert client.get("/public/x").status_code == 504


@answering("return {'statusCode': 201, 'headers': {'X-N': 1}, 'cookies': ['a=1', 'b=2'], 'body': 'done'}")
def test_a_function_gives_status_headers_cookies_and_body(client: Client) -> None:
    answer = client.get("/public/x")

    assert (answer.status_code, answer.text) == (201, "done")
    assert (answer.headers["X-N"], answer.headers.getlist("Set-Cookie")) == ("1", ["a=1", "b=2"])


@answering("return {'statusCode': 200, 'isBase64Encoded': True, 'body': 'AP8='}")
def test_a_base64_body_is_decoded(client: Client) -> None:
    assert client.get("/public/x").data == b"\x00\xff"


@answering("return {'colour': 'red'}")
def test_an_answer_without_a_status_is_the_body_of_a_200(client: Client) -> None:
    answer = client.get("/public/x")

    assert (answer.status_code, answer.mimetype, answer.json) == (200, "application/json", {"colour": "red"})


@answering(
    "raise ValueError('secret')",
    "return {'statusCode': 'x'}",
    "return {'statusCode': 200, 'body': {'a': 1}}",
    "return {'statusCode': 200, 'body': '!', 'isBase64Encoded': True}",
)
def test_a_failure_is_a_500_that_says_nothing(client: Client) -> None:
    answer = client.get("/public/x")

    assert (answer.status_code, answer.json["code"] if answer.json else None) == (500, "internal_error")
    assert "secret" not in answer.text


@answering("import threading; threading.Event().wait(600)", timeout=0.2)
def test_a_function_that_takes_too_long_is_a_504(client: Client, screen: io.StringIO) -> None:
    answer = client.get("/public/x")

    assert (answer.status_code, answer.json["code"] if answer.json else None) == (504, "timeout")
    assert "warning: Echo: no answer within 0.2 s" in screen.getvalue()


FAILING = """
from banyan.adapters.observability import log_failure

def decide(given):
    {statement}

def handler(event, context):
    try:
        decide(event["rawQueryString"])
    except Exception as error:
        log_failure("a request failed", error)
        return {{"statusCode": {status}}}
"""


@pytest.mark.parametrize(
    ("client", "reason"),
    [
        ((FAILING.format(statement="Ordered(given)", status=500), 30), "NameError: name 'Ordered' is not defined"),
        (
            (FAILING.format(statement="given.colour()", status=503), 30),
            "AttributeError: 'str' object has no .*'colour'",
        ),
        ((FAILING.format(statement="int(given)", status=500), 30), "ValueError"),
        ((FAILING.format(statement="raise TypeError(given)", status=500), 30), "TypeError"),
    ],
    indirect=["client"],
)
def test_a_server_error_names_its_place_and_nothing_of_the_request(
    client: Client, screen: io.StringIO, reason: str
) -> None:
    client.get("/public/x?secret")
    _, why = screen.getvalue().splitlines()
    assert re.fullmatch(rf"\S+  warning: {reason}, at \S+/app.py:5, in decide\. The log is functions\.log\.", why)


@pytest.mark.parametrize(
    "client", [(FAILING.format(statement="Ordered(given)", status=409), 30)], ids=["conflict"], indirect=True
)
def test_an_error_that_is_answered_needs_no_reason(client: Client, screen: io.StringIO) -> None:
    client.get("/public/x")
    assert len(screen.getvalue().splitlines()) == 1


@pytest.mark.parametrize(
    ("method", "path", "lines"), [("GET", "/public/1", 0), ("POST", "/public/1", 1), ("GET", "/nothing", 1)]
)
def test_what_an_open_page_reads_is_a_line_only_when_it_fails(
    client: Client, screen: io.StringIO, method: str, path: str, lines: int
) -> None:
    client.open(path, method=method, headers={"Sec-Fetch-Site": "same-origin"})

    assert len(screen.getvalue().splitlines()) == lines


def test_each_request_is_one_line_without_its_query(client: Client, screen: io.StringIO) -> None:
    client.get("/public/x?name=kim")

    (line,) = screen.getvalue().splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d  200 +\d+ ms  GET /public/x", line)


def test_the_door_invokes_a_function(client: Client) -> None:
    assert client.post("/_local/invoke/Echo", json={"n": 1}).json == {"n": 1}


@answering("raise ValueError")
def test_the_door_says_that_a_function_failed(client: Client) -> None:
    answer = client.post("/_local/invoke/Echo", json={})

    assert (answer.status_code, answer.json["code"] if answer.json else None) == (502, "function_failed")


STARTED = "/_local/lambda/2015-03-31/functions/banyan-Echo/invocations"
ASYNCHRONOUS = {"X-Amz-Invocation-Type": "Event"}


@answering("open(event['file'], 'w').close()")
def test_a_function_that_another_starts_is_not_waited_for(client: Client, tmp_path: Path) -> None:
    file = tmp_path / "done"
    answer = client.post(STARTED, json={"file": str(file)}, headers=ASYNCHRONOUS)

    assert (answer.status_code, answer.data) == (202, b"")
    wait_until(file.exists, "the function")


@answering("raise ValueError")
def test_the_user_is_reported_when_a_started_function_fails(client: Client, screen: io.StringIO) -> None:
    assert client.post(STARTED, json={}, headers=ASYNCHRONOUS).status_code == 202
    wait_until(lambda: "Echo failed: ValueError" in screen.getvalue(), "the warning")


def test_nothing_else_of_lambda_is_answered(client: Client) -> None:
    assert client.post(STARTED, json={}).status_code == 404
    assert client.post(STARTED.replace("Echo", "Other"), json={}, headers=ASYNCHRONOUS).status_code == 404


def test_the_door_names_functions_and_tables(client: Client) -> None:
    assert client.get("/_local/status").json == {
        "functions": ["Echo"],
        "mappings": [],
        "tables": ["table"],
        "streams": ["stream"],
    }


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("AuthorizationType: JWT", "AuthorizationType: AWS_IAM"), "Closed asks for AWS_IAM"),
        (("integrations/${Target}", "integrations/other"), "has no function behind it"),
        (("ProtocolType: HTTP", "Body: {openapi: 3.0.1}"), "not from the body of Api"),
    ],
)
def test_a_route_it_cannot_serve_is_refused(template: Write, change: tuple[str, str], sentence: str) -> None:
    with pytest.raises(StackError, match=sentence):
        routes(template(API.replace(*change), {"echo": ECHO}))
