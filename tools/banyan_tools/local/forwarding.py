"""Requests to the services behind the stack, as they came, for programs that run beside it."""

from __future__ import annotations

import json
import os
from http import HTTPStatus

import urllib3
from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto.core.models import botocore_stubber
from werkzeug.wrappers import Request, Response

from banyan_tools.local.physical import REGION
from banyan_tools.local.wakes import wake_readers

DYNAMODB = "AWS_ENDPOINT_URL_DYNAMODB"
EVERYWHERE = "AWS_ENDPOINT_URL"
IN_MEMORY = "https://{service}.{region}.amazonaws.com/"
DROPPED = frozenset({"connection", "content-length", "date", "host", "server", "transfer-encoding"})


def to_dynamodb(request: Request) -> Response:
    """Return what the stack's DynamoDB answers to a request of an SDK."""
    return _to("dynamodb", request, os.environ.get(DYNAMODB))


def to_kinesis(request: Request) -> Response:
    """Return what the stack's Kinesis answers to a request of an SDK, whose records are delivered at once."""
    answer = _to("kinesis", request, os.environ.get(EVERYWHERE))
    if answer.status_code == HTTPStatus.OK:
        operation = request.headers.get("X-Amz-Target", "").partition(".")[2]
        wake_readers(operation, json.loads(request.get_data() or "{}"))
    return answer


def _to(service: str, request: Request, endpoint: str | None) -> Response:
    if endpoint:
        return forwarded(request, endpoint + "/")
    return from_memory(request, IN_MEMORY.format(service=service, region=REGION))


def forwarded(request: Request, url: str) -> Response:
    """Return the answer of a service that runs elsewhere."""
    headers = {name: value for name, value in request.headers.items() if name.lower() not in DROPPED}
    answer = urllib3.request(request.method, url, body=request.get_data(), headers=headers, retries=False)
    kept = {name: value for name, value in answer.headers.items() if name.lower() not in DROPPED}
    return Response(answer.data, answer.status, kept)


def from_memory(request: Request, url: str) -> Response:
    """Return the answer of moto, which runs in this process, in the region of the URL."""
    headers = HTTPHeaders.from_dict({name: value for name, value in request.headers.items() if name != "Host"})
    found = botocore_stubber(
        "before-send", AWSPreparedRequest(request.method, url, headers, request.get_data(), stream_output=False)
    )
    assert found is not None, f"moto does not know {url}"
    return Response(found.content, found.status_code, dict(found.headers))
