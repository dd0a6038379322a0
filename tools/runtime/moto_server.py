"""moto's DynamoDB for other processes, on loopback: python -m tools.runtime.moto_server PORT."""

from __future__ import annotations

import sys

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto.core.models import botocore_stubber
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from tools.local.engine import moto_engine
from tools.local.physical import REGION
from tools.runtime.guard import Silent

URL = f"https://dynamodb.{REGION}.amazonaws.com/"


@Request.application
def answer(request: Request) -> Response:
    """Answer one DynamoDB request from memory."""
    headers = HTTPHeaders.from_dict(dict(request.headers))
    prepared = AWSPreparedRequest("POST", URL, headers, request.get_data(), stream_output=False)
    found = botocore_stubber("before-send", prepared)
    assert found is not None, f"moto does not know {URL}"
    return Response(found.content, found.status_code, dict(found.headers))


def serve(port: int) -> None:
    """Answer one request at a time, because moto is not thread-safe, until the process ends."""
    with moto_engine():
        make_server("127.0.0.1", port, answer, request_handler=Silent).serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
