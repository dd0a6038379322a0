"""Routes that need no token: is it alive, and what can it do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from pydantic import BaseModel

from banyan.aws.observability import log_failure
from banyan.aws.once import once
from banyan.aws.openapi import document
from banyan.bootstrap import Application
from banyan.errors import StoreUnavailable
from banyan.projections.views import Generation
from banyan.streams import StreamId

_NOBODY = StreamId("_system", "health", "check")


class Health(BaseModel):
    """The tables that answered."""

    status: Literal["ok"] = "ok"
    tables: list[str]


def public_routes(application: Application) -> Router:
    """The router of ``GET /health`` and ``GET /openapi.json``."""
    router = Router()  # type: ignore[no-untyped-call]
    described = once(lambda: document(application.domain, router))

    @router.get("/health", summary="Whether the tables answer", tags=["system"])
    def health() -> Health:
        _check("events", lambda: application.store.head(_NOBODY))
        _check("views", lambda: application.views.states(Generation("health"), [_NOBODY]))
        return Health(tables=["events", "views"])

    @router.get("/openapi.json", summary="This description", tags=["system"])
    def openapi() -> Response[str]:
        return Response(200, "application/json", described())

    return router


def _check(table: str, read: Callable[[], Any]) -> None:
    try:
        read()
    except Exception as error:
        log_failure(f"the {table} table does not answer", error)
        raise StoreUnavailable(f"the {table} table does not answer") from error
