"""Errors as RFC 9457 problem details: one table from exception to status and code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from banyan.entrypoints.http.identity import ForbiddenScope, ForbiddenTenant, Unauthorized
from banyan.errors import (
    BanyanError,
    CommandRejected,
    CommitTooLarge,
    ConcurrencyError,
    Conflict,
    GenerationInUse,
    InvalidCursor,
    InvalidStreamId,
    LegacyWritesOff,
    NotFound,
    ProjectionStateChanged,
    ReadModelLagging,
    ReadModelsApart,
    StoreUnavailable,
    TransitionRejected,
    UnreadableRow,
    VersionNotReached,
)

CONTENT_TYPE: Final = "application/problem+json"
RETRY_AFTER_SECONDS: Final = 1
MAX_FAULTS: Final = 20
LOST_PLUS: Final = re.compile(r"\d \d\d:?\d\d\Z")
_MESSAGES: Final = {
    "tuple_type": "Input should be a list",
    "model_attributes_type": "Input should be an object",
    "too_short": "List should have at least {min_length} items, not {actual_length}",
    "too_long": "List should have at most {max_length} items, not {actual_length}",
}
_Fault = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """What a client learns about an error.

    Parameters
    ----------
    status : int
        HTTP status.
    code : str
        Stable, machine-readable.
    detail : str
        A sentence that says what to do next.
    members : Mapping[str, Any]
        Extension members, such as ``field`` or ``expected`` and ``actual``.
    retry : bool
        Whether the same request may succeed a little later.
    """

    status: int
    code: str
    detail: str
    members: Mapping[str, Any] = field(default_factory=dict)
    retry: bool = False

    @property
    def body(self) -> dict[str, Any]:
        """The problem as JSON members."""
        return {
            "type": f"urn:banyan:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            **self.members,
        }

    @property
    def headers(self) -> dict[str, str]:
        """Headers that go with it."""
        return {"Retry-After": str(RETRY_AFTER_SECONDS)} if self.retry else {}


class BadRequest(BanyanError):
    """A request that cannot even be read.

    Parameters
    ----------
    field : str, optional
        Header or parameter that is malformed.
    """

    def __init__(self, code: str, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.field = field


class BodyTooLarge(BanyanError):
    """A body above the limit."""


class UnsupportedEncoding(BanyanError):
    """A body in a content coding other than gzip."""


class InvalidText(BanyanError):
    """Text with a character that not every store can hold, and the field it came in."""

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} holds the character U+0000, which not every store can hold: leave it out")
        self.field = field


class InvalidId(BanyanError):
    """An id that cannot be part of a stream name, and the field it came in."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


class Contention(ConcurrencyError):
    """Others wrote first, time after time, though the stream was at the version that the caller names, if any."""


class PreconditionFailed(ConcurrencyError):
    """The stream is not at the version that the caller names in ``If-Match``."""


class RequestInProgress(BanyanError):
    """The first request with this idempotency key is still running."""


class KeyReused(BanyanError):
    """An idempotency key that came with another request before."""


def problem_of(error: Exception) -> Problem:
    """The problem that answers an error; of an unexpected one it learns nothing but that it happened."""
    for kind in type(error).__mro__:
        if kind in _TABLE:
            return _TABLE[kind](error)
    return Problem(500, "internal", "something went wrong here: report it with the X-Correlation-Id of this answer")


def _field(error: Any) -> dict[str, Any]:
    return {"field": error.field} if error.field is not None else {}


def _versions(error: Any) -> dict[str, Any]:
    return {"expected": error.expected, "actual": error.actual}


def _rejected(status: int) -> Callable[[Any], Problem]:
    return lambda error: Problem(status, error.code, error.detail, _field(error))


def _detailed(status: int, code: str, *, retry: bool = False) -> Callable[[Any], Problem]:
    return lambda error: Problem(status, code, str(error), retry=retry)


def _outrun(error: Contention) -> str:
    return f"others wrote to {error.stream} first, time after time: send the request again a little later"


def _invalid(error: RequestValidationError) -> Problem:
    found = _causes(error.errors()[:MAX_FAULTS])
    faults = [{"field": _path(fault["loc"]), "message": _message(fault) + _hint(fault)} for fault in found]
    detail = "; ".join(f"{fault['field']}: {fault['message']}" for fault in faults)
    return Problem(422, "invalid_input", detail, {"field": faults[0]["field"], "errors": faults})


def _causes(faults: Sequence[_Fault]) -> list[_Fault]:
    """Without the lists that are too short only because what they hold was not accepted."""
    within = {fault["loc"][:length] for fault in faults for length in range(1, len(fault["loc"]))}
    return [fault for fault in faults if fault["type"] != "too_short" or fault["loc"] not in within]


def _message(fault: _Fault) -> str:
    known = _MESSAGES.get(fault["type"])
    return known.format(**fault.get("ctx", {})) if known else str(fault["msg"])


def _hint(fault: _Fault) -> str:
    """What became of a moment on its way here: a ``+`` arrives as a blank, and one that is given twice with a comma."""
    if fault["loc"][0] != "query" or not fault["type"].startswith("datetime"):
        return ""
    arrived = str(fault.get("input", ""))
    return "; give it once" if "," in arrived else "; write + as %2B" if LOST_PLUS.search(arrived) else ""


def _path(location: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in location[1:]) or str(location[0])


_TABLE: Final[Mapping[type, Callable[[Any], Problem]]] = {
    BadRequest: _rejected(400),
    InvalidCursor: lambda error: Problem(400, "invalid_cursor", str(error), {"field": "cursor"}),
    Unauthorized: _detailed(401, "unauthorized"),
    ForbiddenTenant: _detailed(403, "forbidden_tenant"),
    ForbiddenScope: lambda error: Problem(403, "forbidden_scope", str(error), {"scopes": list(error.scopes)}),
    NotFoundError: lambda _: Problem(404, "not_found", "there is no such route"),
    NotFound: _rejected(404),
    Conflict: _rejected(409),
    ConcurrencyError: lambda error: Problem(409, "version_conflict", str(error), _versions(error)),
    Contention: lambda error: Problem(409, "version_conflict", _outrun(error), _versions(error), retry=True),
    LegacyWritesOff: _detailed(409, LegacyWritesOff.code),
    UnreadableRow: _rejected(409),
    GenerationInUse: _detailed(409, "transition_rejected", retry=True),
    TransitionRejected: _detailed(409, "transition_rejected"),
    ProjectionStateChanged: _detailed(409, "control_changed", retry=True),
    RequestInProgress: _detailed(409, "request_in_progress", retry=True),
    VersionNotReached: lambda error: Problem(409, "version_not_reached", str(error), _versions(error)),
    PreconditionFailed: lambda error: Problem(412, "version_conflict", str(error), _versions(error)),
    BodyTooLarge: _detailed(413, "body_too_large"),
    CommitTooLarge: _detailed(413, "commit_too_large"),
    UnsupportedEncoding: _detailed(415, "unsupported_encoding"),
    RequestValidationError: _invalid,
    CommandRejected: _rejected(422),
    InvalidId: lambda error: Problem(422, "invalid_id", str(error), _field(error)),
    InvalidText: lambda error: Problem(422, "invalid_text", str(error), _field(error)),
    InvalidStreamId: lambda error: Problem(422, "invalid_id", str(error)),
    KeyReused: _detailed(422, "idempotency_key_reused"),
    ReadModelLagging: lambda error: Problem(503, "read_model_lagging", str(error), _versions(error), retry=True),
    ReadModelsApart: _detailed(503, "read_model_lagging", retry=True),
    StoreUnavailable: lambda _: Problem(
        503, "unavailable", "the database did not answer: repeat the request", retry=True
    ),
}
