"""A small OpenID provider, whose tokens a local stack accepts since it signs them with the stack's own key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Final
from urllib.parse import urlencode

import jwt
from werkzeug.wrappers import Request, Response

from banyan_tools.local.keys import key_id, local_key
from banyan_tools.local.ports import free_port
from banyan_tools.local.server import HOST, serving

CLIENT: Final = "console"
SUBJECT: Final = "kim@example.com"
SCOPES: Final = "banyan/admin banyan/events"
LASTS: Final = 3600
FORM: Final = """<!doctype html><title>Provider</title><form method="post">
<button name="answer" value="yes">Allow</button> <button name="answer" value="no">Deny</button></form>"""


class Refused(Exception):
    """What the provider does not do, by the code that OAuth has for it."""


@dataclass
class Provider:
    """Answers as an OpenID provider that knows one public client and one person.

    Parameters
    ----------
    data : Path
        Folder of the stack, which holds the key.
    console : str
        Where the client may be sent back to.

    Attributes
    ----------
    granted : list[str]
        Each kind of grant that it gave a token for.
    refused : list[str]
        Why it gave none.
    revoked : list[str]
        Refresh tokens that were given back.
    expired : int
        How many of the next tokens are of no use any more, though the client is told that they last an hour.
    """

    data: Path
    console: str
    url: str = ""
    granted: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    expired: int = 0
    _codes: dict[str, Mapping[str, str]] = field(default_factory=dict)
    _refresh: set[str] = field(default_factory=set)

    def __call__(self, request: Request) -> Response:
        """Answer a request."""
        routes: Mapping[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", "/.well-known/openid-configuration"): lambda _: _json(self.description),
            ("GET", "/jwks"): lambda _: _json({"keys": [self._public_key()]}),
            ("GET", "/authorize"): self._form,
            ("POST", "/authorize"): self._decided,
            ("POST", "/token"): self._token,
            ("POST", "/revoke"): self._revoke,
        }
        route = routes.get((request.method, request.path))
        answer = route(request) if route else Response("", 404)
        answer.headers["Access-Control-Allow-Origin"] = self.console.rpartition("/")[0]
        return answer

    @property
    def description(self) -> Mapping[str, Any]:
        """What it says of itself."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "revocation_endpoint": f"{self.url}/revoke",
            "jwks_uri": f"{self.url}/jwks",
            "code_challenge_methods_supported": ["S256"],
        }

    def code(self, challenge: str) -> str:
        """A code as for a person who allowed the client that made a challenge."""
        code = token_urlsafe()
        self._codes[code] = {"redirect_uri": self.console, "code_challenge": challenge, "scope": SCOPES}
        return code

    def forget(self) -> None:
        """End what it keeps of who signed in: no token is renewed any more."""
        self._refresh.clear()

    def _form(self, request: Request) -> Response:
        asked = request.args
        known = (CLIENT, self.console)
        if (asked.get("client_id"), asked.get("redirect_uri")) != known:
            return Response("unknown client", 400)
        if asked.get("response_type") != "code" or asked.get("code_challenge_method") != "S256":
            return self._back(asked, error="invalid_request")
        return Response(FORM, content_type="text/html")

    def _decided(self, request: Request) -> Response:
        asked = request.args
        if request.form["answer"] != "yes":
            return self._back(asked, error="access_denied", error_description="not <b>today</b>")
        code = self.code(asked["code_challenge"])
        return self._back(asked, code=code, iss=self.url)

    def _back(self, asked: Mapping[str, str], **answer: str) -> Response:
        query = urlencode({**answer, "state": asked.get("state", "")})
        return Response("", 302, {"Location": f"{self.console}?{query}"})

    def _token(self, request: Request) -> Response:
        given: Mapping[str, str] = request.form
        try:
            if given.get("client_id") != CLIENT:
                raise Refused("invalid_client")
            kinds = {"authorization_code": self._redeem, "refresh_token": self._renew}
            kinds[given["grant_type"]](given)
        except Refused as refusal:
            self.refused.append(str(refusal))
            return _json({"error": str(refusal)}, 400)
        self.granted.append(given["grant_type"])
        return _json(self._grant())

    def _redeem(self, given: Mapping[str, str]) -> None:
        kept = self._codes.pop(given["code"], None)
        if kept is None or kept["redirect_uri"] != given.get("redirect_uri"):
            raise Refused("invalid_grant")
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        if not hmac.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), kept["code_challenge"]):
            raise Refused("invalid_grant")

    def _renew(self, given: Mapping[str, str]) -> None:
        if given["refresh_token"] not in self._refresh:
            raise Refused("invalid_grant")
        self._refresh.remove(given["refresh_token"])

    def _grant(self) -> Mapping[str, Any]:
        refresh = token_urlsafe()
        self._refresh.add(refresh)
        return {
            "access_token": self.token(),
            "token_type": "Bearer",
            "expires_in": LASTS,
            "refresh_token": refresh,
        }

    def token(self) -> str:
        """An access token as Cognito's: it names the client instead of an audience."""
        key, since = local_key(self.data), int(time.time())
        if self.expired:
            since, self.expired = since - 2 * LASTS, self.expired - 1
        claims: dict[str, Any] = {"iss": self.url, "sub": SUBJECT, "client_id": CLIENT, "scope": SCOPES}
        claims |= {"jti": token_urlsafe(), "iat": since, "exp": since + LASTS, "tenant": "acme"}
        return jwt.encode(claims, key, algorithm="RS256", headers={"kid": key_id(key.public_key())})

    def _public_key(self) -> Mapping[str, Any]:
        key = local_key(self.data).public_key()
        return {**jwt.algorithms.RSAAlgorithm.to_jwk(key, as_dict=True), "kid": key_id(key), "use": "sig"}

    def _revoke(self, request: Request) -> Response:
        self._refresh.discard(request.form["token"])
        self.revoked.append(request.form["token"])
        return Response("", 200)


def _json(content: Any, status: int = 200) -> Response:
    return Response(json.dumps(content), status, content_type="application/json")


@contextmanager
def provider(data: Path, console: str) -> Iterator[Provider]:
    """Run a provider until the block is left; ``console`` is the page that its client may be sent back to."""
    found = Provider(data, console)
    port = free_port()
    found.url = f"http://{HOST}:{port}"
    with serving(found, port):
        yield found
