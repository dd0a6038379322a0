"""moto's services for other processes, on loopback: python -m banyan_tools.runtime.moto_server PORT."""

from __future__ import annotations

import sys

from moto.moto_api._internal.models import moto_api_backend
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from banyan_tools.local.engine import moto_engine
from banyan_tools.local.forwarding import from_memory
from banyan_tools.local.physical import REGION
from banyan_tools.runtime.backend import RESET, service_of
from banyan_tools.runtime.guard import Silent

STREAMS = "DynamoDBStreams_"


@Request.application
def answer(request: Request) -> Response:
    """Answer one request from memory."""
    if request.path == RESET:
        moto_api_backend.reset()
        return Response()
    url = f"https://{host_of(request)}.{REGION}.amazonaws.com{request.full_path.removesuffix('?')}"
    return from_memory(request, url)


def host_of(request: Request) -> str:
    """Return the first part of the host's name; streams are signed for as DynamoDB is, and answer elsewhere."""
    streams = request.headers.get("X-Amz-Target", "").startswith(STREAMS)
    return "streams.dynamodb" if streams else service_of(request)


def serve(port: int) -> None:
    """Answer one request at a time, because moto is not thread-safe, until the process ends."""
    with moto_engine():
        make_server("127.0.0.1", port, answer, request_handler=Silent).serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
