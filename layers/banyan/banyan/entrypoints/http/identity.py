"""Who is calling: tenant, actor and scopes out of the claims that the API's authorizer verified, of nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from banyan.errors import BanyanError, InvalidStreamId
from banyan.streams import caller_tenant
from banyan.text import is_readable

ADMIN: Final = "banyan/admin"
"""The scope of the platform's operator, who sees the projections and parked streams of all tenants."""
EVENTS: Final = "banyan/events"
"""The scope that an operator needs besides to see what events, states and rows hold."""


class Unauthorized(BanyanError):
    """No verified token came with the request."""


class ForbiddenTenant(BanyanError):
    """The token names no tenant that a caller may act for."""


class ForbiddenScope(BanyanError):
    """The token has none of the scopes that a route accepts.

    Parameters
    ----------
    scopes : Sequence[str]
        Each of which would do.
    """

    def __init__(self, scopes: Sequence[str]) -> None:
        super().__init__(f"the token lacks the scope {' or '.join(map(repr, scopes))}: ask for one that has it")
        self.scopes = tuple(scopes)


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified caller.

    Parameters
    ----------
    own_tenant : str, optional
        Only an operator's token may name none.
    actor : str
        Subject of the token.
    scopes : frozenset[str]
        What the token lets the caller do beyond its tenant's routes.
    client : str
        The program that the token was issued to; empty when the token names none.
    """

    own_tenant: str | None
    actor: str
    scopes: frozenset[str] = frozenset()
    client: str = ""

    @property
    def tenant(self) -> str:
        """First part of every stream name the caller can reach. Raises ``ForbiddenTenant`` without one."""
        if self.own_tenant is None:
            raise ForbiddenTenant("this belongs to a tenant, and the token names none that may call")
        return self.own_tenant

    def require(self, *scopes: str) -> None:
        """Raises ``ForbiddenScope`` unless the token has one of some scopes."""
        if self.scopes.isdisjoint(scopes):
            raise ForbiddenScope(scopes)


def identify_operator(event: Mapping[str, Any], tenant_claim: str, scope: str) -> Caller:
    """The caller of a route of the platform: the token needs its scope, and may name a tenant or none.

    Raises
    ------
    Unauthorized
        As ``identify``.
    ForbiddenScope
    """
    claims = _claims(event)
    actor = _actor(claims)
    try:
        tenant: str | None = _tenant(claims, tenant_claim)
    except ForbiddenTenant:
        tenant = None
    caller = Caller(tenant, actor, _scopes(claims), _client(claims))
    caller.require(scope)
    return caller


def identify(event: Mapping[str, Any], tenant_claim: str) -> Caller:
    """The caller of an API Gateway event (payload 2.0).

    Raises
    ------
    Unauthorized
        Without verified claims, or without a subject among them.
    ForbiddenTenant
        When the tenant claim is missing, invalid or reserved.
    """
    claims = _claims(event)
    actor = _actor(claims)
    return Caller(_tenant(claims, tenant_claim), actor, _scopes(claims), _client(claims))


def _client(claims: Mapping[str, Any]) -> str:
    """The client of a token, as Cognito and OAuth name it, or OpenID."""
    named = (claims.get(name) for name in ("client_id", "azp"))
    return next((client for client in named if isinstance(client, str) and is_readable(client)), "")


def _actor(claims: Mapping[str, Any]) -> str:
    actor = claims.get("sub")
    if not isinstance(actor, str) or not actor or not is_readable(actor):
        raise Unauthorized("send a token in the header Authorization: Bearer")
    return actor


def _tenant(claims: Mapping[str, Any], tenant_claim: str) -> str:
    tenant = claims.get(tenant_claim)
    if not isinstance(tenant, str):
        raise ForbiddenTenant(f"the token has no claim {tenant_claim!r} that names a tenant")
    try:
        return caller_tenant(tenant)
    except InvalidStreamId as error:
        raise ForbiddenTenant(f"the token's claim {tenant_claim!r} names no tenant that may call") from error


def _claims(event: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = event
    for name in ("requestContext", "authorizer", "jwt", "claims"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """Scopes of a token, in either of the claims that API Gateway looks at; a list comes from it as ``[a b]``."""
    granted = [claims.get(name) for name in ("scope", "scp")]
    lists = (text.removeprefix("[").removesuffix("]").split() for text in granted if isinstance(text, str))
    return frozenset(scope for scopes in lists for scope in scopes)
