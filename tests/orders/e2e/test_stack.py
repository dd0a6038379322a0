"""The local stack as a newcomer meets it: it starts, answers, says what is wrong, and stops."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from textwrap import dedent
from typing import Any

import boto3
import httpx
import pytest
from tests.orders.e2e.conftest import Stack, refusal, running
from tests.support.clocks import PATIENCE, lengthy, wait_until

from banyan_tools.local.leftovers import at_work_on
from banyan_tools.local.physical import REGION
from banyan_tools.local.ports import require_free
from banyan_tools.local.process import lag
from banyan_tools.project import ROOT
from orders.tools.legacy.dynamodb import OnDynamoDB

pytestmark = pytest.mark.stack

HELLO = """
    Transform: AWS::Serverless-2016-10-31
    Resources:
      Api: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: api, ProtocolType: HTTP}}
      Target:
        Type: AWS::ApiGatewayV2::Integration
        Properties: {ApiId: !Ref Api, IntegrationType: AWS_PROXY, IntegrationUri: !GetAtt Hello.Arn}
      Route:
        Type: AWS::ApiGatewayV2::Route
        Properties: {ApiId: !Ref Api, RouteKey: GET /hello, Target: !Sub "integrations/${Target}"}
      Hello:
        Type: AWS::Serverless::Function
        Properties: {CodeUri: hello/, Handler: app.handler, Runtime: python3.13, Timeout: 30}
"""


def hello(folder: Path, code: str = "def handler(event, context):\n    print('noted')\n    return 'hello'\n") -> Path:
    """Write a template with one function that greets."""
    (folder / "hello").mkdir()
    (folder / "hello" / "app.py").write_text(code)
    path = folder / "template.yaml"
    path.write_text(dedent(HELLO))
    return path


def get(stack: Stack, path: str, token: str = "") -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.get(stack.url + path, headers=headers, timeout=PATIENCE, verify=False)


def status(stack: Stack) -> Any:
    return get(stack, "/_local/status").json()


def post_as_printed(stack: Stack) -> httpx.Response:
    """Send what the printed curl command sends."""
    printed = stack.screen().split("curl -s ")[1].replace("\\\n", " ")
    url, _, body, _, content_type, _, authorization = shlex.split(printed.split("\n\n")[0])
    headers = dict(header.split(": ", 1) for header in (content_type, authorization))
    return httpx.post(url, content=body, headers=headers, timeout=PATIENCE, verify=False)


def test_the_printed_command_posts_an_order_that_is_soon_in_a_read_model(stack: Stack) -> None:
    answer = post_as_printed(stack)
    order = answer.json()

    assert answer.status_code == 201, answer.text
    wait_until(lambda: lag(stack.url, "ProjectorCommits") == 0, "the projections")
    read = get(stack, f"/orders/{order['orderId']}", stack.token("acme")).json()
    assert (read["totalAmount"], read["version"], read["servedFrom"]) == ("9.00", 1, "projection")


def test_the_printed_link_opens_the_console_and_signs_in_there(stack: Stack) -> None:
    link = stack.screen().split("Console: ")[1].split()[0]
    page, _, token = link.partition("#token=")

    assert (page, httpx.get(page, timeout=PATIENCE).headers["Content-Type"]) == (
        f"{stack.url}/console",
        "text/html; charset=utf-8",
    )
    assert get(stack, "/admin/projections", token).status_code == 200
    assert get(stack, "/admin/streams/acme:order:none/events", token).json()["code"] != "forbidden_scope"


def test_a_program_beside_the_stack_reaches_its_tables(stack: Stack) -> None:
    session = boto3.Session("local", "local", region_name=REGION)
    client = session.client("dynamodb", endpoint_url=f"{stack.url}/_local/dynamodb")
    item: dict[str, Any] = {"tenant": {"S": "acme"}, "id": {"S": "1"}, "raw": {"B": b"\x00\xff"}}

    with closing(OnDynamoDB(client, "beside")) as program:
        program.create()
    client.put_item(TableName="beside", Item=item)

    assert client.get_item(TableName="beside", Key={name: item[name] for name in ("tenant", "id")})["Item"] == item
    assert "banyan-EventsTable" in client.list_tables()["TableNames"]


def test_the_template_says_what_runs(stack: Stack) -> None:
    found = status(stack)

    assert {"CommandApi", "QueryApi", "Projector", "Reconciler"} <= set(found["functions"])
    assert "banyan-EventsTable" in found["tables"]
    assert stack.engine in stack.screen()


def printed_token(*arguments: str) -> str:
    """Run the command that prints tokens."""
    command = [sys.executable, "-m", "banyan_tools.local.token", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def test_public_routes_need_no_token(stack: Stack) -> None:
    closed = get(stack, "/orders")

    assert (closed.status_code, closed.json()["code"]) == (401, "unauthorized")
    wait_until(lambda: get(stack, "/health").status_code != 503, "tables that answer within the limit of the check")
    assert get(stack, "/health").status_code == 200


def test_a_token_of_this_stack_is_accepted_and_of_another_not(stack: Stack, tmp_path: Path) -> None:
    own = printed_token("acme", "--actor", "kim", "--hours", "1", "--data", str(stack.data))
    foreign = printed_token("acme", "--data", str(tmp_path))

    assert get(stack, "/orders/none", own).status_code == 404
    assert get(stack, "/orders/none", foreign).json()["code"] == "unauthorized"


def test_the_door_runs_the_schedules_function(stack: Stack) -> None:
    post_as_printed(stack)
    run = httpx.post(f"{stack.url}/_local/invoke/Deadlines", json={}, timeout=PATIENCE)

    assert (run.status_code, run.json()["parked"]) == (200, 0), run.text


def test_logs_go_to_their_file_and_tokens_to_none(stack: Stack) -> None:
    token = stack.token("acme")
    get(stack, "/orders/x", token)
    lines = (stack.data / "functions.log").read_text().splitlines()

    assert any("ColdStart" in line for line in lines)
    assert not any(token in line for line in lines)
    assert "ColdStart" not in stack.screen()


@pytest.mark.parametrize(
    "numbers",
    [
        (signal.SIGINT,),
        pytest.param((signal.SIGTERM,), marks=pytest.mark.slow),
        pytest.param((signal.SIGHUP,), marks=pytest.mark.slow),
        (signal.SIGTERM, signal.SIGINT),
    ],
    ids=str,
)
def test_a_signal_stops_it_cleanly(tmp_path: Path, numbers: tuple[signal.Signals, ...]) -> None:
    stack = Stack(tmp_path / "data", "--template", str(hello(tmp_path)))
    port = int(stack.url.rpartition(":")[2])

    assert get(stack, "/hello").text == "hello"
    assert stack.stop(*numbers) == 0
    assert stack.screen().endswith("Banyan has stopped.\n")
    require_free(port)


@pytest.mark.slow
def test_another_template_is_another_stack(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--template", str(hello(tmp_path))) as stack:
        assert status(stack) == {"functions": ["Hello"], "mappings": [], "tables": [], "streams": []}
        assert get(stack, "/hello").text == "hello"
        assert f"Public without a token: {stack.url}/hello" in stack.screen()
        assert get(stack, "/orders").json()["code"] == "not_found"
        assert "noted" in (tmp_path / "data" / "functions.log").read_text()


@pytest.mark.slow
def test_a_parameter_can_be_given(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--parameter", "JwtIssuer=", "--parameter", "JwtAudience=") as stack:
        answer = get(stack, "/orders", stack.token("acme"))

    assert answer.status_code == 401, "without an authorizer the functions let nobody in"


@lengthy
@pytest.mark.dynamodb_local
@pytest.mark.usefixtures("dynamodb_local_endpoint")
def test_dynamodb_local_keeps_its_data(tmp_path: Path) -> None:
    arguments = (tmp_path / "data", "--engine", "dynamodb-local")
    with running(*arguments) as stack:
        order = post_as_printed(stack).json()["orderId"]
        endpoint = stack.screen().split("DynamoDB Local at ")[1].split()[0]
        assert "listens on every network interface" in stack.screen()
    require_free(int(endpoint.rpartition(":")[2]))

    with running(*arguments) as stack:
        kept = get(stack, f"/orders/{order}", stack.token("acme"))

    assert (kept.status_code, kept.json()["totalAmount"]) == (200, "9.00")


@lengthy
@pytest.mark.dynamodb_local
@pytest.mark.usefixtures("dynamodb_local_endpoint")
def test_what_a_killed_stack_leaves_is_ended_by_the_next(tmp_path: Path) -> None:
    data = tmp_path / "data"
    killed = Stack(data, "--engine", "dynamodb-local")
    order = post_as_printed(killed).json()["orderId"]
    killed.stop(signal.SIGKILL)
    ((left, _),) = at_work_on(data / "dynamodb")

    with running(data, "--engine", "dynamodb-local") as stack:
        ((now, _),) = at_work_on(data / "dynamodb")
        kept = get(stack, f"/orders/{order}", stack.token("acme"))
        assert f"Ended DynamoDB Local (process {left})" in stack.screen()

    assert left != now
    assert (kept.status_code, kept.json()["totalAmount"]) == (200, "9.00")
    assert at_work_on(data / "dynamodb") == []


@pytest.mark.slow
def test_a_port_in_use_is_one_sentence(tmp_path: Path, stack: Stack) -> None:
    port = stack.url.rpartition(":")[2]

    assert refusal(tmp_path / "data", "--port", port) == (
        2,
        f"Port {port} is in use: stop what listens there, or choose another with PORT=.\n",
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("AWS_PROXY", "[AWS_PROXY"), "template.yaml is not valid YAML: line 7: did not find expected ',' or ']'."),
        pytest.param(
            ("CodeUri: hello/, ", ""),
            "The template is not valid: Resource with id [Hello] is invalid.",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            ("Handler: app.handler", "Handler: [app.handler]"),
            "The local stack cannot run Hello: AttributeError:",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            ("GetAtt Hello.Arn", "GetAtt Bye.Arn"),
            "The template names Bye, which is neither a parameter nor a resource.",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            ("!GetAtt Hello.Arn", "!ImportValue Arn"),
            "does not support the intrinsic function Fn::ImportValue.",
            marks=pytest.mark.slow,
        ),
        pytest.param(("CodeUri: hello/", "CodeUri: bye/"), "bye/app.py does not exist.", marks=pytest.mark.slow),
    ],
    ids=["yaml", "sam", "property", "reference", "intrinsic", "handler"],
)
def test_a_bad_template_is_one_sentence(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    path = hello(tmp_path)
    path.write_text(path.read_text().replace(*change))

    code, said = refusal(tmp_path / "data", "--template", str(path))

    assert code == 2
    assert sentence in said
    assert said.count("\n") == 1


@pytest.mark.slow
def test_a_function_that_cannot_be_imported_is_one_sentence(tmp_path: Path) -> None:
    template = hello(tmp_path, "import nowhere_to_be_found\n")

    assert refusal(tmp_path / "data", "--template", str(template)) == (
        2,
        "The function Hello cannot be imported: ModuleNotFoundError: No module named 'nowhere_to_be_found'.\n",
    )


@pytest.mark.slow
def test_a_missing_java_is_one_sentence(tmp_path: Path) -> None:
    code, said = refusal(tmp_path / "data", "--engine", "dynamodb-local", PATH=str(tmp_path))

    assert (code, said) == (2, "DynamoDB Local needs Java 17: install it and run `make dynamodb-local`.\n")


@pytest.mark.slow
def test_a_function_that_hangs_does_not_hang_the_end(tmp_path: Path) -> None:
    code = "import threading\n\ndef handler(event, context):\n    threading.Event().wait(600)\n"
    template = hello(tmp_path, code)
    template.write_text(template.read_text().replace("Timeout: 30", "Timeout: 1"))

    with running(tmp_path / "data", "--template", str(template)) as stack:
        answer = get(stack, "/hello")

    assert (answer.status_code, answer.json()["code"]) == (504, "timeout")


def test_json_of_the_door_is_what_the_function_answers(tmp_path: Path) -> None:
    code = "def handler(event, context):\n    return {'got': event, 'by': context.function_name}\n"
    with running(tmp_path / "data", "--template", str(hello(tmp_path, code))) as stack:
        answer = httpx.post(f"{stack.url}/_local/invoke/Hello", json=[1], timeout=PATIENCE).json()

    assert answer == {"got": [1], "by": "banyan-Hello"}


def test_a_misspelt_parameter_is_one_sentence(tmp_path: Path) -> None:
    told = "The template has no parameter 'Domian': docs/settings.md lists them.\n"
    assert refusal(tmp_path / "data", "--parameter", "Domian=orders") == (2, told)
