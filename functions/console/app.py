"""Answers the platform's operator."""

from __future__ import annotations

import os
from typing import Any

from banyan.aws.admin.api import admin_api
from banyan.aws.clients import lambda_client, sqs_client
from banyan.aws.functions import LambdaFunctions
from banyan.aws.http import Api
from banyan.aws.observability import instrumented, telemetry
from banyan.aws.once import once
from banyan.aws.settings import FunctionNames, Queues
from banyan.aws.work_queue import SqsWorkQueue
from banyan.bootstrap import bootstrap


@once
def api() -> Api:
    """The API of this process, built at the first request."""
    queue = SqsWorkQueue(sqs_client, Queues.from_env(os.environ).rebuild)
    functions = LambdaFunctions(lambda_client, FunctionNames.from_env(os.environ))
    return admin_api(bootstrap(telemetry=telemetry()), queue, functions)


@instrumented
def handler(event: Any, context: Any) -> Any:
    """Handle one event of the HTTP API."""
    return api()(event, context)
