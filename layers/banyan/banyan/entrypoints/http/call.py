"""What a route works with: the verified caller and the application, nothing of HTTP; and the resolver that finds it.

Whatever is private to Powertools and touched all the same is touched here, in ``HttpResolver`` and ``routes_of``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Protocol, TypeVar
from uuid import UUID, uuid4, uuid5

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import ResponseBuilder, Route, Router
from aws_lambda_powertools.event_handler.depends import Depends
from aws_lambda_powertools.event_handler.request import Request
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from pydantic import BaseModel

from banyan.answers import Provenance
from banyan.bootstrap import Application
from banyan.commands.handler import HandlesCommands, Outcome
from banyan.commands.idempotency import Record
from banyan.commands.ingestor import IngestedStream, arrivals
from banyan.entrypoints.http.identity import Caller
from banyan.entrypoints.http.problems import BadRequest, Contention, InvalidId, PreconditionFailed, RequestInProgress
from banyan.entrypoints.http.requests import ETAG, etag
from banyan.errors import CommandRejected, ConcurrencyError, ConfigurationError, InvalidStreamId
from banyan.events import Metadata
from banyan.ingest import Ingested
from banyan.queries import Queries
from banyan.streams import StreamId
from banyan.text import PATH_RULE, fits_in_path

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler.openapi.compat import ModelField

A = TypeVar("A", bound=BaseModel)

SECURITY_SCHEME: Final = "token"
"""What the OpenAPI document calls the token of a caller."""

_IDS = UUID("5a3c0f5e-9a2e-5d0b-8f0e-6f1f5a4f7c11")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a request; repeats of the request have the same ids.

    Parameters
    ----------
    commit_id : str
        For the commit it makes.
    new_id : str
        For the thing it makes, when the client chose no id.
    first_attempt : datetime, optional
        Given when an earlier attempt may have made its commit unseen, not before this moment.
    looks : bool
        Whether it only looks for that commit, since another attempt may be at work.
    """

    commit_id: str
    new_id: str
    first_attempt: datetime | None = None
    looks: bool = False

    @classmethod
    def only(cls) -> Attempt:
        """An attempt at a request that came without an idempotency key."""
        return cls(str(uuid4()), str(uuid4()))

    @classmethod
    def under(cls, record: Record, *, again: bool, looks: bool = False) -> Attempt:
        """An attempt under a claim, the first or ``again``; a key that is used after it expired gets other ids."""
        life = f"{record.key}@{record.started_at.isoformat()}"
        ids = str(uuid5(_IDS, life)), str(uuid5(_IDS, f"{life} new"))
        return cls(*ids, record.first_attempt if again else None, looks)


@dataclass(slots=True)
class RouteProgress:
    """What a route did so far.

    Parameters
    ----------
    replayable : bool
        Whether it promised that its answer follows from its request and from one outcome.
    commands : list[tuple[StreamId, Any]]
        Each command that it handled, and the stream that it was sent to.
    outcomes : list[Outcome | None]
        For each of them, its outcome if a commit in its stream shows all of it.
    """

    replayable: bool = False
    commands: list[tuple[StreamId, Any]] = field(default_factory=list)
    outcomes: list[Outcome[Any] | None] = field(default_factory=list)

    @property
    def can_be_replayed(self) -> bool:
        """Whether the answer can be given again from one commit."""
        outcome = self.outcomes[0] if len(self.outcomes) == 1 else None
        return self.replayable and outcome is not None and len(outcome.events) > 0


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
    progress : RouteProgress
        What the route did so far.
    """

    application: Application
    queries: Queries
    caller: Caller
    metadata: Metadata
    expected: int | None
    attempt: Attempt
    progress: RouteProgress = field(default_factory=RouteProgress)

    @property
    def new_id(self) -> str:
        """For the thing that a request makes, when the client chose no id; the same in each attempt."""
        return self.attempt.new_id

    def now(self) -> datetime:
        """The time, for a command."""
        return self.application.clock()

    def settings(self, model: type[A]) -> A:
        """The tunables that a domain declared as ``model``. Raises ``ConfigurationError`` if none did."""
        for settings in self.application.domain_settings.values():
            if isinstance(settings, model):
                return settings
        raise ConfigurationError(f"no domain here has the settings {model.__name__}")

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

    def handle(
        self, stream: StreamId, command: Any, *, optimistic: bool = False, if_match: bool = True
    ) -> Outcome[Any]:
        """Handle a command once; the first of a request at the version that the caller expects.

        Parameters
        ----------
        optimistic : bool
            Decide on what this process saw last, without a read, and let the write find out whether it still holds: for
            streams that one process writes most of the time.
        if_match : bool
            Whether ``If-Match`` speaks of this stream. It speaks of that of the first command, before anything was
            written; a command to another stream has to say that it does not.

        Raises
        ------
        ConfigurationError
            ``if_match`` is not what it has to be, whether or not the request came with an ``If-Match``.
        As ``CommandHandler.handle``, but for ``ConcurrencyError``: ``PreconditionFailed`` at another version than the
        caller expects, ``Contention`` when a command kept losing to others.
        """
        handler, outcomes = self.application.handlers[stream.entity], self.progress.outcomes
        commit_id, expected = self._sent(stream, command, if_match)
        place = len(outcomes)
        outcomes.append(None)
        if self.attempt.looks:
            outcome = self._found(handler, stream, commit_id)
        else:
            outcome = self._handled(handler, stream, command, commit_id, expected, optimistic)
        outcomes[place] = outcome if handler.finder else None
        return outcome

    def ingest(self, contents: Sequence[Ingested[Any]]) -> Sequence[IngestedStream]:
        """Handle what a batch says as records of a stream are: one command, and at most one commit, for each stream.

        Parameters
        ----------
        contents : Sequence[Ingested]
            As they came; their tenant is the caller's. ``If-Match`` speaks of the stream of the first one.

        Returns
        -------
        Sequence[IngestedStream]
            One for each stream, in order of its first content: an outcome, whose events are empty when all of it had
            been recorded before, or the ``CommandRejected`` by which the domain refused the stream's contents. An
            answer made of the contents and of these events can be given again, so a route may promise to be replayable.

        Raises
        ------
        CommandRejected
            All streams were refused; this is the first one's reason.
        InvalidStreamId
            Nothing was handled.
        As ``handle``: streams before that one may have been recorded, and are found when the request is repeated.
        """
        results: list[IngestedStream] = []
        for result in self.application.ingestor.ingest(arrivals(self.caller.tenant, contents), self._handle_ingested):
            if result.error and not isinstance(result.error, CommandRejected):
                raise result.error
            results.append(result)
        refused = [result.error for result in results if result.error]
        if refused and len(refused) == len(results):
            raise refused[0]
        return results

    def _handle_ingested(self, stream: StreamId, command: Any, _: Sequence[str]) -> Outcome[Any]:
        sent = self.progress.commands
        return self.handle(stream, command, optimistic=True, if_match=not sent or stream == sent[0][0])

    def _sent(self, stream: StreamId, command: Any, if_match: bool) -> tuple[str, int | None]:
        """The id of a command's commit, and the version at which the caller expects its stream."""
        sent = self.progress.commands
        first = sent[0][0] if sent else stream
        if if_match is not (stream == first):
            raise ConfigurationError(
                f"If-Match speaks of the stream of a request's first command, {first.entity!r} here: "
                f"handle a command to another one with if_match=False"
            )
        commit_id = self._commit_id(stream, command) if sent else self.attempt.commit_id
        expected = None if sent else self.expected
        sent.append((stream, command))
        return commit_id, expected

    def _commit_id(self, stream: StreamId, command: Any) -> str:
        """That of the request, unless an earlier command may have a commit with it in a stream of this one."""
        sent = self.progress.commands
        several = {decision.command for decision in self.application.domain.decisions}
        streams = {earlier for earlier, _ in sent}
        if stream not in streams and several.isdisjoint([type(command), *(type(each) for _, each in sent)]):
            return self.attempt.commit_id
        return str(uuid5(_IDS, f"{self.attempt.commit_id} {stream} {len(sent)}"))

    def _handled(
        self,
        handler: HandlesCommands,
        stream: StreamId,
        command: Any,
        commit_id: str,
        expected: int | None,
        optimistic: bool,
    ) -> Outcome[Any]:
        try:
            return handler.handle(
                stream,
                command,
                commit_id=commit_id,
                metadata=self.metadata,
                expected=expected,
                first_attempt=self.attempt.first_attempt,
                optimistic=optimistic,
            )
        except ConcurrencyError as error:
            final = expected is not None and error.stream == stream
            kind = PreconditionFailed if final else Contention
            raise kind(error.stream, error.expected, error.actual) from error

    def _found(self, handler: HandlesCommands, stream: StreamId, commit_id: str) -> Outcome[Any]:
        """What became of the command by an earlier attempt."""
        find, first_attempt = handler.finder, self.attempt.first_attempt
        found = find(stream, commit_id, first_attempt) if find and first_attempt else None
        if found is None:
            raise RequestInProgress("no attempt has made its commit yet")
        return found


class Replayable(Protocol):
    """What a call offers to a route whose answers can be given again: no query, nothing that differs next time."""

    @property
    def caller(self) -> Caller: ...

    @property
    def new_id(self) -> str: ...

    def now(self) -> datetime: ...

    def settings(self, model: type[A]) -> A: ...

    def stream(self, entity: str, id: str, field: str) -> StreamId: ...

    def require_path_id(self, id: str, field: str) -> None: ...

    def handle(
        self, stream: StreamId, command: Any, *, optimistic: bool = False, if_match: bool = True
    ) -> Outcome[Any]: ...

    def ingest(self, contents: Sequence[Ingested[Any]]) -> Sequence[IngestedStream]: ...


def _current(request: Request) -> Call:
    call: Call = request.context["call"]
    if call.attempt.looks:
        raise RequestInProgress("only a route that promises to be replayable is asked for its commit")
    return call


def _replayable(request: Request) -> Replayable:
    call: Call = request.context["call"]
    call.progress.replayable = True
    return call


CurrentCall = Annotated[Call, Depends(_current)]
"""The type of a route's parameter that takes the verified call."""

ReplayableCall = Annotated[Replayable, Depends(_replayable)]
"""The same, with the promise that an answer follows from the request and the outcome of the one command it handles.

From nothing else: no query, no clock, no setting; and the route does nothing besides. A repeat with its
``Idempotency-Key`` is then answered from the commit, and the answer need not be kept: one request less. An answer
without a commit is kept all the same, as is every answer of a route that does not promise this.
"""


def tagged(answer: A, version: int, status: int = 200) -> Response[A]:
    """An answer whose entity tag is a version."""
    return Response(status, content_type="application/json", body=answer, headers={ETAG: etag(version)})


def merged(model: type[A], provenance: Provenance, members: Mapping[str, Any]) -> A:
    """An answer of some members and where they come from."""
    return model.model_validate({**dict(provenance), **members})


_PARAMETER = re.compile(r"<(\w+)>")


@dataclass(slots=True)
class _Running:
    event: APIGatewayProxyEventV2
    invocation: Any
    context: dict[str, Any]


_running: ContextVar[_Running] = ContextVar("running")


class HttpResolver(APIGatewayHttpResolver):
    """Routes API Gateway HTTP API events (payload 2.0) to typed handlers.

    Powertools keeps the request on a class, where threads overwrite each other's; here it is kept in a
    context variable. The body is parsed before, so that it is read in one way only.
    """

    def __init__(self) -> None:
        self._initial: dict[str, Any] = {}
        super().__init__(enable_validation=True, response_validation_error_http_code=500, debug=False)

    def answer(
        self, event: Mapping[str, Any], invocation: Any, body: Mapping[str, Any], context: dict[str, Any]
    ) -> dict[str, Any]:
        """Answer one request.

        Parameters
        ----------
        body : Mapping[str, Any]
            The parsed body.
        context : dict[str, Any]
            What dependencies of handlers find in ``request.context``.
        """
        headers = {**(event.get("headers") or {}), "content-type": "application/json"}
        inner = {**event, "headers": headers, "body": "parsed", "isBase64Encoded": False}
        token = _running.set(_Running(APIGatewayProxyEventV2(inner, lambda _: body), invocation, context))
        try:
            answer = self.resolve(inner, invocation)
            return {name: answer[name] for name in ("statusCode", "headers", "body")}
        finally:
            _running.reset(token)

    @staticmethod
    def _compile_regex(rule: str, base_regex: str = "") -> re.Pattern[str]:  # noqa: ARG004
        """A route's pattern; Powertools' own does not let a parameter hold ``#``, ``"`` or the mark of a letter."""
        parts = _PARAMETER.split(rule)
        parts[::2] = map(re.escape, parts[::2])
        parts[1::2] = (f"(?P<{name}>[^/]+)" for name in parts[1::2])
        return re.compile("".join(parts) + r"\Z")

    def seal(self) -> None:
        """Build every route's chain of middlewares now, not at its first request, when threads might race.

        Raises
        ------
        ConfigurationError
            A route declares a ``security`` that is not one of ``requires``, so that it would not be checked.
        """
        for route in self._static_routes + self._dynamic_routes:
            if route.security and route.security != [{SECURITY_SCHEME: [scope]} for scope in _scopes(route)]:
                raise ConfigurationError(f"security of route '{route.method} {route.path}' has to be requires(...)")
            route._build_middleware_stack(self._router_middlewares, self)

    def _call_route(self, route: Route, route_arguments: dict[str, str]) -> ResponseBuilder[Any]:
        """Call a route, unless the query has a parameter that it does not declare; public ones ignore those.

        What answers that there is no such route is one as well, and declares none.
        """
        sent = self.current_event.query_string_parameters if "call" in self.context else {}
        refusal = _refusal(route, sent) if sent and self._declares(route) else None
        answer = self._call_exception_handler(refusal, route) if refusal else None
        return answer or super()._call_route(route, route_arguments)

    def _declares(self, route: Route) -> bool:
        return any(each is route for each in self._static_routes + self._dynamic_routes)

    @property
    def scopes(self) -> Sequence[str]:
        """All scopes that its routes accept."""
        return sorted({scope for route in self._static_routes + self._dynamic_routes for scope in _scopes(route)})

    def scopes_of(self, method: str, path: str) -> Sequence[str]:
        """The scopes that the route of a request accepts, each enough alone; none where it takes any token."""
        for route in self._static_routes + self._dynamic_routes:
            if route.method == method and route.rule.match(path):
                return _scopes(route)
        return ()

    @property
    def current_event(self) -> APIGatewayProxyEventV2:  # type: ignore[override]
        """The request of this thread."""
        return _running.get().event

    @property
    def lambda_context(self) -> Any:  # type: ignore[override]
        """The invocation of this thread."""
        return _running.get().invocation

    @property
    def context(self) -> dict[str, Any]:
        """Values of this thread's request."""
        running = _running.get(None)
        return running.context if running else self._initial

    @context.setter
    def context(self, value: dict[str, Any]) -> None:
        self._initial = value


def requires(*scopes: str) -> list[dict[str, list[str]]]:
    """What a route declares as its ``security`` to accept only tokens that have one of these scopes.

    They are looked for before the body is read, and the OpenAPI document shows them. A route that declares none accepts
    every token of a tenant.
    """
    if not scopes:
        raise ConfigurationError("requires() names no scope: leave security out, or name one")
    return [{SECURITY_SCHEME: [scope]} for scope in scopes]


def _refusal(route: Route, sent: Iterable[str]) -> BadRequest | None:
    known = [name for each in route.dependant.query_params for name in _names(each)]
    unknown = sorted(set(sent) - set(known))
    if not unknown:
        return None
    names = ", ".join(known)
    detail = f"there is no parameter {unknown[0]!r} here: " + (f"known are {names}" if names else "none is known")
    return BadRequest("unknown_parameter", detail, unknown[0])


def _names(parameter: ModelField) -> Sequence[str]:
    """What a parameter of the query is called; a model has one for each of its fields."""
    model = parameter.type_
    if isinstance(model, type) and issubclass(model, BaseModel):
        return [field.alias or name for name, field in model.model_fields.items()]
    return [parameter.alias]


def _scopes(route: Route) -> Sequence[str]:
    return [scope for each in route.security or () for scope in each.get(SECURITY_SCHEME, ())]


def routes_of(router: Router) -> Iterator[tuple[str, str]]:
    """Path and method of each route that a router declares."""
    for path, methods, *_ in router._routes:
        for method in methods:
            yield path, method
