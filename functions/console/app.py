"""Answers the platform's operator."""

from __future__ import annotations

from typing import Any

from banyan.adapters.observability import instrumented, telemetry
from banyan.bootstrap import bootstrap
from banyan.entrypoints.admin.api import admin_api
from banyan.entrypoints.http.api import Api
from banyan.once import once


@once
def api() -> Api:
    """The API of this process, built at the first request."""
    return admin_api(bootstrap(telemetry=telemetry()))


@instrumented
def handler(event: Any, context: Any) -> Any:
    """Handle one event of the HTTP API."""
    return api()(event, context)
