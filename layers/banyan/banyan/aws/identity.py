"""Who is calling: tenant and actor out of the claims that the API's authorizer verified, out of nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from banyan.errors import BanyanError, InvalidStreamId
from banyan.streams import StreamId, caller_tenant


class Unauthorized(BanyanError):
    """No verified token came with the request."""


class ForbiddenTenant(BanyanError):
    """The token names no tenant that a caller may act for."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified caller.

    Parameters
    ----------
    tenant : str
        First part of every stream name the caller can reach.
    actor : str
        Subject of the token.
    """

    tenant: str
    actor: str


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
    actor = claims.get("sub")
    if not isinstance(actor, str) or not actor:
        raise Unauthorized("send a token in the header Authorization: Bearer")
    tenant = claims.get(tenant_claim)
    if not isinstance(tenant, str):
        raise ForbiddenTenant(f"the token has no claim {tenant_claim!r} that names a tenant")
    try:
        return Caller(StreamId(caller_tenant(tenant), "any", "any").tenant, actor)
    except InvalidStreamId as error:
        raise ForbiddenTenant(f"the token's claim {tenant_claim!r} names no tenant that may call") from error


def _claims(event: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = event
    for name in ("requestContext", "authorizer", "jwt", "claims"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}
