"""Answers the platform's operator."""

from __future__ import annotations

import os
from typing import Any

from banyan.adapters.clients import lambda_client, sqs_client
from banyan.adapters.functions import LambdaFunctions
from banyan.adapters.observability import instrumented, telemetry
from banyan.adapters.settings import FunctionNames, Queues
from banyan.adapters.work_queue import SqsWorkQueue
from banyan.bootstrap import bootstrap
from banyan.entrypoints.admin.api import admin_api
from banyan.entrypoints.http.api import Api
from banyan.once import once


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
