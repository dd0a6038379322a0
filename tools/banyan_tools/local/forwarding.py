"""Requests to the services behind the stack, as they came, for programs that run beside it."""

from __future__ import annotations

import os

import urllib3
from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto.core.models import botocore_stubber
from werkzeug.wrappers import Request, Response

from banyan_tools.local.physical import REGION

DYNAMODB = "AWS_ENDPOINT_URL_DYNAMODB"
IN_MEMORY = f"https://dynamodb.{REGION}.amazonaws.com"
DROPPED = frozenset({"connection", "content-length", "date", "host", "server", "transfer-encoding"})


def to_dynamodb(request: Request) -> Response:
    """Return what the stack's DynamoDB answers to a request of an SDK."""
    endpoint = os.environ.get(DYNAMODB)
    return forwarded(request, endpoint + "/") if endpoint else from_memory(request, f"{IN_MEMORY}/")


def forwarded(request: Request, url: str) -> Response:
    """Return the answer of a service that runs elsewhere."""
    headers = {name: value for name, value in request.headers.items() if name.lower() not in DROPPED}
    answer = urllib3.request(request.method, url, body=request.get_data(), headers=headers, retries=False)
    kept = {name: value for name, value in answer.headers.items() if name.lower() not in DROPPED}
    return Response(answer.data, answer.status, kept)


def from_memory(request: Request, url: str) -> Response:
    """Return the answer of moto, which runs in this process."""
    headers = HTTPHeaders.from_dict(dict(request.headers))
    found = botocore_stubber(
        "before-send", AWSPreparedRequest(request.method, url, headers, request.get_data(), stream_output=False)
    )
    assert found is not None, f"moto does not know {url}"
    return Response(found.content, found.status_code, dict(found.headers))
