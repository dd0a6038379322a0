"""What a route works with: the verified caller and the parts of the application, nothing of HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.depends import Depends
from aws_lambda_powertools.event_handler.request import Request
from pydantic import BaseModel

from banyan.bootstrap import Application
from banyan.commands.handler import Outcome
from banyan.entrypoints.http.headers import ETAG, etag
from banyan.entrypoints.http.identity import Caller
from banyan.entrypoints.http.once import Attempt
from banyan.entrypoints.http.problems import Contention, InvalidId, PreconditionFailed
from banyan.errors import ConcurrencyError, InvalidStreamId
from banyan.events import Metadata
from banyan.queries import Provenance, Queries
from banyan.streams import StreamId
from banyan.text import PATH_RULE, fits_in_path

A = TypeVar("A", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Call:
    """One authorised request.

    Parameters
    ----------
    queries : Queries
        Reads, each with a minimum version.
    caller : Caller
        Verified: tenant, actor and scopes.
    metadata : Metadata
        For the events it leads to.
    expected : int, optional
        Version the caller saw.
    attempt : Attempt
        ``attempt.new_id`` is for what the client did not name; a repeat of the request gets the same one.
    """

    application: Application
    queries: Queries
    caller: Caller
    metadata: Metadata
    expected: int | None
    attempt: Attempt

    def stream(self, entity: str, id: str, field: str) -> StreamId:
        """The caller's stream of that name.

        Raises
        ------
        InvalidId
            Naming ``field``, in which the id came.
        """
        try:
            return StreamId(self.caller.tenant, entity, id)
        except InvalidStreamId as error:
            raise InvalidId(field, str(error)) from error

    def require_path_id(self, id: str, field: str) -> None:
        """Refuse an id that no route could find again. Raises ``InvalidId`` naming ``field``."""
        if not fits_in_path(id):
            raise InvalidId(field, f"{field} must be {PATH_RULE}")

    def handle(self, stream: StreamId, command: Any) -> Outcome[Any]:
        """Handle a command once, at the version the caller expects.

        Raises
        ------
        As ``CommandHandler.handle``, but for ``ConcurrencyError``: ``PreconditionFailed`` at another version than the
        caller expects, ``Contention`` when a caller who expected none kept losing.
        """
        try:
            return self.application.handlers[stream.entity].handle(
                stream,
                command,
                commit_id=self.attempt.commit_id,
                metadata=self.metadata,
                expected=self.expected,
                first_attempt=self.attempt.first_attempt,
            )
        except ConcurrencyError as error:
            kind = Contention if self.expected is None else PreconditionFailed
            raise kind(error.stream, error.expected, error.actual) from error


def _current(request: Request) -> Call:
    call: Call = request.context["call"]
    return call


CurrentCall = Annotated[Call, Depends(_current)]
"""The type of a route's parameter that takes the verified call."""


def tagged(answer: A, version: int, status: int = 200) -> Response[A]:
    """An answer whose entity tag is a version."""
    return Response(status, content_type="application/json", body=answer, headers={ETAG: etag(version)})


def merged(model: type[A], provenance: Provenance, members: Mapping[str, Any]) -> A:
    """An answer of some members and where they come from."""
    return model.model_validate({**dict(provenance), **members})
