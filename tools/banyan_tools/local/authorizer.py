"""API Gateway's JWT authorizer, with the local key in place of the issuer's."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from banyan_tools.local.errors import StackError
from banyan_tools.local.keys import key_id
from banyan_tools.local.problems import forbidden, unauthorized
from banyan_tools.local.template import Resource

if TYPE_CHECKING:
    from jwt.types import Options

SOURCE_PREFIX = "$request.header."
ALGORITHMS = ["RS256", "RS384", "RS512"]
CHECKED_HERE: Options = {"require": ["exp", "iss"], "verify_aud": False, "verify_sub": False, "verify_jti": False}


class JwtAuthorizer:
    """Checks a request's token as AWS documents it ("Control access to HTTP APIs with JWT authorizers").

    ``exp`` must lie ahead, ``nbf`` and ``iat`` behind where they are there; ``iss`` must be the issuer; ``aud``, or
    ``client_id`` where there is no ``aud``, must name an audience. A ``kid`` must be that of the key; unlike there, it
    may be left out.

    Parameters
    ----------
    audience : Sequence[str]
        A token must name one of them.
    key : RSAPublicKey
        Verifies signatures; only RSA is accepted.
    identity_source : str
        Where the token stands, for example ``$request.header.Authorization``.
    text_claims : Collection[str]
        Claims that are left out unless they are text. API Gateway would pass them on as text all the same: a domain
        that puts a number there learns of it here.
    """

    def __init__(
        self,
        issuer: str,
        audience: Sequence[str],
        key: RSAPublicKey,
        identity_source: str = "$request.header.Authorization",
        text_claims: Collection[str] = (),
    ) -> None:
        self._text_claims = frozenset(text_claims)
        self._issuer = issuer
        self._audience = frozenset(audience)
        self._key = key
        self._key_id = key_id(key)
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
        granted = {*texts(claims.get("scope")), *texts(claims.get("scp"))}
        matching = [scope for scope in scopes if scope in granted]
        if scopes and not matching:
            raise forbidden("The token has none of the scopes that this route asks for.")
        handed_on = {name: as_text(value) for name, value in claims.items() if self._hands_on(name, value)}
        return {"jwt": {"claims": handed_on, "scopes": matching or None}}

    def _hands_on(self, name: str, value: object) -> bool:
        return isinstance(value, str) or name not in self._text_claims

    def _claims(self, header: str) -> dict[str, Any]:
        scheme, _, rest = header.partition(" ")
        token = rest.strip() if scheme.lower() == "bearer" else header
        if not token:
            raise unauthorized("A bearer token is needed.")
        try:
            found = jwt.decode_complete(
                token, self._key, algorithms=ALGORITHMS, issuer=self._issuer, options=CHECKED_HERE
            )
        except jwt.InvalidTokenError as error:
            raise unauthorized(f"The token is not valid: {error}.") from None
        claims: dict[str, Any] = found["payload"]
        if found["header"].get("kid", self._key_id) != self._key_id:
            raise unauthorized("The token is not valid: its kid names another key.")
        if not self._audience.intersection(audiences(claims)):
            raise unauthorized("The token is not valid: it is for another audience.")
        return claims


def audiences(claims: Mapping[str, Any]) -> list[str]:
    """Return whom a token is for: its ``aud``, or the ``client_id`` of one without it, as Cognito's access tokens."""
    named = claims["aud"] if "aud" in claims else claims.get("client_id")
    return [name for name in (named if isinstance(named, list) else [named]) if isinstance(name, str)]


def texts(claim: Any) -> list[str]:
    """Return the scopes in a claim, which is a list or a text of them."""
    return [text for text in claim if isinstance(text, str)] if isinstance(claim, list) else str(claim or "").split()


def as_text(value: Any) -> str:
    """Return a claim as API Gateway writes it: text, whatever it was; a list as ``[a b]``, nothing as ``null``."""
    if isinstance(value, list):
        return f"[{' '.join(map(as_text, value))}]"
    return value if isinstance(value, str) else json.dumps(value)


def jwt_authorizer(resource: Resource, key: RSAPublicKey, text_claims: Collection[str] = ()) -> JwtAuthorizer:
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
    return JwtAuthorizer(configuration["Issuer"], configuration["Audience"], key, source, text_claims)
