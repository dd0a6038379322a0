"""Answers the platform's operator."""

from __future__ import annotations

from typing import Any

from banyan.aws.http import Api, admin_api
from banyan.aws.observability import instrumented, telemetry
from banyan.aws.once import once
from banyan.bootstrap import bootstrap


@once
def api() -> Api:
    """The API of this process, built at the first request."""
    return admin_api(bootstrap(telemetry=telemetry()))


@instrumented
def handler(event: Any, context: Any) -> Any:
    """Handle one event of the HTTP API."""
    return api()(event, context)
