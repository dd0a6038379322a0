"""API Gateway's JWT authorizer, with the local key in place of the issuer's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tools.local.errors import StackError
from tools.local.problems import forbidden, unauthorized
from tools.local.template import Resource

SOURCE_PREFIX = "$request.header."


class JwtAuthorizer:
    """Checks a request's token.

    Parameters
    ----------
    issuer : str
    audience : Sequence[str]
        A token must name one of them.
    key : RSAPublicKey
        Verifies signatures; only RS256 is accepted.
    identity_source : str
        Where the token stands, for example ``$request.header.Authorization``.
    """

    def __init__(
        self,
        issuer: str,
        audience: Sequence[str],
        key: RSAPublicKey,
        identity_source: str = "$request.header.Authorization",
    ) -> None:
        self._issuer = issuer
        self._audience = list(audience)
        self._key = key
        self._header = identity_source.removeprefix(SOURCE_PREFIX).lower()

    def authorize(self, headers: Mapping[str, str], scopes: Sequence[str] = ()) -> dict[str, Any]:
        """Return the ``authorizer`` part of the request context.

        Parameters
        ----------
        headers : Mapping[str, str]
            Of the request, names in lowercase.
        scopes : Sequence[str]
            The route lets a token pass that has one of them; without any, every token.

        Raises
        ------
        Problem
            401 without a valid token, 403 without a scope.
        """
        claims = self._claims(headers.get(self._header, ""))
        granted = str(claims.get("scope", claims.get("scp", ""))).split()
        matching = [scope for scope in scopes if scope in granted]
        if scopes and not matching:
            raise forbidden("The token has none of the scopes that this route asks for.")
        return {"jwt": {"claims": {name: as_text(value) for name, value in claims.items()}, "scopes": matching or None}}

    def _claims(self, header: str) -> dict[str, Any]:
        scheme, _, rest = header.partition(" ")
        token = rest.strip() if scheme.lower() == "bearer" else header
        if not token:
            raise unauthorized("A bearer token is needed.")
        try:
            return jwt.decode(
                token,
                self._key,
                algorithms=["RS256"],
                audience=self._audience,
                issuer=self._issuer,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.InvalidTokenError as error:
            raise unauthorized(f"The token is not valid: {error}.") from None


def as_text(value: Any) -> str:
    """Return a claim as API Gateway writes it: text, whatever it was; a list as ``[a b]``."""
    if isinstance(value, list):
        return f"[{' '.join(map(as_text, value))}]"
    return value if isinstance(value, str) else json.dumps(value)


def jwt_authorizer(resource: Resource, key: RSAPublicKey) -> JwtAuthorizer:
    """Return the authorizer that an ``AWS::ApiGatewayV2::Authorizer`` describes.

    Raises
    ------
    StackError
        It is not a JWT authorizer.
    """
    if resource.properties["AuthorizerType"] != "JWT":
        raise StackError(f"The local stack knows JWT authorizers only, and {resource.logical_id} is another.")
    configuration = resource.properties["JwtConfiguration"]
    source = resource.properties["IdentitySource"][0]
    return JwtAuthorizer(configuration["Issuer"], configuration["Audience"], key, source)
