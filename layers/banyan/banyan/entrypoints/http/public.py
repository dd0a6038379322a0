"""Routes that need no token: is it alive, and what can it do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from pydantic import BaseModel

from banyan.adapters.observability import log_failure
from banyan.domain import Domain
from banyan.entrypoints.http.openapi import document
from banyan.errors import StoreUnavailable
from banyan.once import once
from banyan.projections.state import ProjectionStates
from banyan.projections.views import Generation, Views
from banyan.store import EventStore
from banyan.streams import StreamId

_NOBODY = StreamId("_system", "health", "check")


class Health(BaseModel):
    """The tables that answered."""

    status: Literal["ok"] = "ok"
    tables: list[str]


def public_routes(domain: Domain, checks: Mapping[str, Callable[[], Any]]) -> Router:
    """The router of ``GET /health`` and ``GET /openapi.json``.

    Parameters
    ----------
    domain : Domain
        Described by the document.
    checks : Mapping[str, Callable[[], Any]]
        By table: a small read that fails when the table does not answer.
    """
    router = Router()  # type: ignore[no-untyped-call]
    described = once(lambda: document(domain, router))

    @router.get("/health", operation_id="health", summary="Whether the tables answer")
    def health() -> Health:
        for table, read in checks.items():
            _check(table, read)
        return Health(tables=list(checks))

    @router.get("/openapi.json", operation_id="openapi", summary="This description")
    def openapi() -> Response[str]:
        return Response(200, "application/json", described())

    return router


def table_checks(store: EventStore, views: Views, controls: ProjectionStates) -> Mapping[str, Callable[[], Any]]:
    """A read of nothing from each table that queries use."""
    return {
        "events": lambda: store.head(_NOBODY),
        "views": lambda: views.states(Generation("health"), [_NOBODY]),
        "cursors": lambda: controls.get(["health"]),
    }


def _check(table: str, read: Callable[[], Any]) -> None:
    try:
        read()
    except Exception as error:
        log_failure(f"the {table} table does not answer", error)
        raise StoreUnavailable(f"the {table} table does not answer") from error
