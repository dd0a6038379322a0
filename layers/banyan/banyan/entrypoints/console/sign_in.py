"""What the page needs to sign an operator in at an OpenID provider, read from where the provider describes itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Lock
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from banyan.adapters.observability import log_failure
from banyan.adapters.settings import Settings
from banyan.entrypoints.http.identity import ADMIN, EVENTS
from banyan.errors import BanyanError
from banyan.store.eventstore import Clock, utc_now

DISCOVERY: Final = "/.well-known/openid-configuration"
TIMEOUT_SECONDS: Final = 2.0
LARGEST_BYTES: Final = 262_144
KEPT: Final = timedelta(hours=1)
"""How long a description holds."""
KEPT_FAILURE: Final = timedelta(seconds=30)
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_AUTHORITY = re.compile(r"([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?", re.ASCII | re.IGNORECASE)
_PRINTABLE = re.compile(r"[!-~]+")


class SignInUnavailable(BanyanError):
    """Operators cannot sign in at the provider.

    Parameters
    ----------
    code : str
        Stable, machine-readable.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True)
class Provider:
    """An OpenID provider, as it describes itself.

    Parameters
    ----------
    revocation_endpoint : str, optional
        Only one that the page may connect to, since it is where the token endpoint is.
    """

    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str | None = None

    @property
    def origin(self) -> str:
        """Where the page sends the code, and gets the token."""
        return origin(self.token_endpoint)


class SignIn:
    """Knows what the page has to know, and asks the provider when the page is first asked for.

    Parameters
    ----------
    fetch : Callable[[str], bytes]
        Reads what stands at a URL.
    """

    def __init__(self, settings: Settings, fetch: Callable[[str], bytes] | None = None, clock: Clock = utc_now) -> None:
        self._issuer = settings.console_issuer or settings.jwt_issuer
        self._client_id = settings.console_client_id
        self._scopes = [ADMIN, EVENTS] if settings.console_contents == "on" else [ADMIN]
        self._fetch = fetch or read_url
        self._clock = clock
        self._lock = Lock()
        self._found: Provider | SignInUnavailable | None = None
        self._holds_until: datetime | None = None

    def document(self) -> Mapping[str, Any]:
        """What the page reads: empty where tokens are pasted, and with a ``problem`` where they have to be."""
        found = self._provider()
        if found is None:
            return {}
        described = {"issuer": self._issuer, "clientId": self._client_id, "scopes": self._scopes}
        if isinstance(found, SignInUnavailable):
            return {**described, "problem": {"code": found.code, "detail": str(found)}}
        endpoints = {
            "authorizationEndpoint": found.authorization_endpoint,
            "tokenEndpoint": found.token_endpoint,
            "revocationEndpoint": found.revocation_endpoint,
        }
        return {**described, **{name: url for name, url in endpoints.items() if url}}

    def origins(self) -> Sequence[str]:
        """Where the page may connect to besides its own origin."""
        found = self._provider()
        return [found.origin] if isinstance(found, Provider) else []

    def _provider(self) -> Provider | SignInUnavailable | None:
        if not self._client_id:
            return None
        with self._lock:
            if self._holds_until is None or self._clock() >= self._holds_until:
                self._found = self._discovered()
                kept = KEPT if isinstance(self._found, Provider) else KEPT_FAILURE
                self._holds_until = self._clock() + kept
            return self._found

    def _discovered(self) -> Provider | SignInUnavailable:
        try:
            return discover(self._issuer, self._fetch)
        except SignInUnavailable as error:
            log_failure("the console's sign-in is not available", error)
            return error


def discover(issuer: str, fetch: Callable[[str], bytes]) -> Provider:
    """Read how a provider describes itself.

    Raises
    ------
    SignInUnavailable
        ``issuer_missing``, ``issuer_insecure``, ``issuer_unreachable``, ``issuer_malformed`` or ``issuer_mismatch``.
    """
    if not issuer:
        raise SignInUnavailable("issuer_missing", "ConsoleClientId is set, but neither ConsoleIssuer nor JwtIssuer is")
    _secure(issuer, "the issuer")
    try:
        found = json.loads(fetch(issuer.rstrip("/") + DISCOVERY))
    except (OSError, HTTPException) as error:
        raise SignInUnavailable("issuer_unreachable", f"the issuer does not answer at {issuer}{DISCOVERY}") from error
    except (ValueError, RecursionError) as error:
        raise SignInUnavailable("issuer_malformed", "the issuer does not describe itself in JSON") from error
    found = found if isinstance(found, dict) else {}
    if found.get("issuer") != issuer:
        raise SignInUnavailable("issuer_mismatch", f"what {issuer} describes calls itself another issuer")
    return _provider(found)


def _provider(found: Mapping[str, Any]) -> Provider:
    token = _secure(found.get("token_endpoint"), "the token endpoint")
    authorization = _secure(found.get("authorization_endpoint"), "the authorization endpoint")
    revocation = found.get("revocation_endpoint")
    near = isinstance(revocation, str) and origin(revocation) == origin(token)
    return Provider(authorization, token, revocation if near else None)


def _secure(url: object, what: str) -> str:
    """A URL that a browser may be sent to. Raises ``SignInUnavailable``."""
    parts = _split(url)
    if parts is None:
        raise SignInUnavailable("issuer_malformed", f"{what} is not a URL")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise SignInUnavailable("issuer_insecure", f"{what} has to begin with https://")
    return str(url)


def _split(url: object) -> SplitResult | None:
    if not isinstance(url, str) or not _PRINTABLE.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        return parts if _AUTHORITY.fullmatch(parts.netloc) and not parts.fragment else None
    except ValueError:
        return None


def origin(url: str) -> str:
    """Scheme, host and port of a URL; empty for what is none."""
    parts = _split(url)
    return f"{parts.scheme}://{parts.netloc}" if parts else ""


def read_url(url: str) -> bytes:
    """What stands at a URL, without going where it redirects to.

    Raises
    ------
    OSError
        It does not answer, not with 200, or with too much.
    HTTPException
    """
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.netloc, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", parts.path, headers={"Accept": "application/json"})
        answer = connection.getresponse()
        content = answer.read(LARGEST_BYTES + 1)
    finally:
        connection.close()
    if answer.status != 200 or len(content) > LARGEST_BYTES:
        raise OSError(f"answered {answer.status} with {len(content)} bytes")
    return content
