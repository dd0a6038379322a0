"""What a first command still has to import and to build, and what the function has imported in vain."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from tests.orders.integration.test_snapshots_of_functions import environ

from banyan_tools.runtime.cases import read_case

IN_VAIN = (
    "banyan.migration",
    "banyan.projections.processor",
    "banyan.projections.rebuild",
    "banyan.reactions.reactor",
    "banyan.reconciliation",
    "banyan_tools",
    "boto3",
    "opentelemetry",
    "psycopg",
    "s3transfer",
)
"""What a function that answers commands has no use for."""
FIRST_REQUEST = """
import io, json, sys
import app
from botocore.awsrequest import AWSResponse
from botocore.session import Session
from types import SimpleNamespace

class Raw(io.BytesIO):
    def stream(self):
        yield self.getvalue()

def say(request, **_):
    return AWSResponse(request.url, 200, {}, Raw(b'{"Items": [], "Count": 0, "ScannedCount": 0}'))

app.api()._application.gateway.client.meta.events.register("before-send.dynamodb", say)
made, create, before = [], Session.create_client, set(sys.modules)
Session.create_client = lambda self, *args, **options: made.append(args) or create(self, *args, **options)
context = SimpleNamespace(aws_request_id="1", function_name="CommandApi")
answer = app.handler(json.loads(sys.stdin.read()), context)
print(json.dumps({"status": answer["statusCode"], "clients": made, "modules": sorted(before),
                  "imported": sorted(set(sys.modules) - before)}))
"""


@pytest.fixture(scope="module")
def first() -> dict[str, Any]:
    """The first request of an initialised function, which a DynamoDB without any items answers."""
    event = json.dumps(read_case("command_api", "create_order"))
    variables = environ("command_api") | {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"}
    command = [sys.executable, "-c", FIRST_REQUEST]
    done = subprocess.run(command, env=variables, input=event, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_first_request_finds_everything_imported_and_its_client_made(first: dict[str, Any]) -> None:
    assert (first["status"], first["clients"], first["imported"]) == (201, [], [])


def test_a_function_that_answers_commands_imports_nothing_that_it_has_no_use_for(first: dict[str, Any]) -> None:
    assert [name for name in first["modules"] if name.startswith(tuple(IN_VAIN))] == []
    assert "banyan.commands.handler" in first["modules"]
