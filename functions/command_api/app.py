"""Answers commands by appending events."""

from __future__ import annotations

from typing import Any

from banyan.aws.http import Api, command_api
from banyan.aws.observability import instrumented, telemetry
from banyan.aws.once import once
from banyan.bootstrap import bootstrap


@once
def api() -> Api:
    """The API of this process, built at the first request."""
    return command_api(bootstrap(telemetry=telemetry()))


@instrumented
def handler(event: Any, context: Any) -> Any:
    """Handle one event of the HTTP API."""
    return api()(event, context)
