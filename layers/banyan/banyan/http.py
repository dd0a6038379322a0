"""What the routes of a domain are written with; no other module of it imports this one, as it loads Powertools."""

from __future__ import annotations

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler import api_gateway as powertools

from banyan.answers import Provenance
from banyan.commands.ingestor import IngestedStream
from banyan.entrypoints.http.call import Call, CurrentCall, Replayable, ReplayableCall, merged, requires, tagged
from banyan.entrypoints.http.paging import PageOrder
from banyan.entrypoints.http.problems import BadRequest
from banyan.entrypoints.http.tables import Accept, described, paged

__all__ = [
    "Accept",
    "BadRequest",
    "Call",
    "CurrentCall",
    "IngestedStream",
    "PageOrder",
    "Provenance",
    "Replayable",
    "ReplayableCall",
    "Response",
    "Router",
    "described",
    "merged",
    "paged",
    "requires",
    "tagged",
]


class Router(powertools.Router):
    """Routes; a domain's module of routes has two of them, ``commands`` and ``queries``."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
