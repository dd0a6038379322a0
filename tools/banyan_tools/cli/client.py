"""The admin API as the commands see it."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote

import httpx

from banyan_tools.cli.errors import UNREACHABLE, CliError
from banyan_tools.local.token import make_token

LOCAL: Final = "http://127.0.0.1:3000"
UNANSWERED: Final = (
    "does not answer: start it with `make run`, "
    "or give its address before the command: ./banyan --url https://… projections list"
)
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
SCOPE: Final = "banyan/admin"
CONTENTS: Final = "banyan/events"
"""Needed besides, to see what events hold."""
SECONDS: Final = 35.0
"""Longer than API Gateway waits for a function."""


class Refused(CliError):
    """The API said no.

    Parameters
    ----------
    code : str
        Stable, machine-readable; empty when the answer names none.
    again : bool
        Whether the same may be granted soon.
    """

    def __init__(self, status: int, code: str, sentence: str, *, again: bool = False) -> None:
        super().__init__(sentence)
        self.status = status
        self.problem = code
        self.again = again


class Answer:
    """An answer, as it came and as what it says."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def content(self) -> Any:
        """The JSON, read."""
        return json.loads(self.text)


class Client:
    """Asks the admin API.

    Parameters
    ----------
    token : str
        Unless given, one is made with the key of the local stack, for a loopback address only.
    tenant : str
        For the token that is made.
    """

    def __init__(self, url: str, token: str = "", tenant: str = "acme") -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._tenant = tenant

    def get(self, *path: str, **query: Any) -> Answer:
        """Ask ``/admin/<path>``; parameters that are ``None`` are left out. Raises ``CliError``."""
        return self._ask("GET", path, params=_given(query))

    def post(self, *path: str, **body: Any) -> Answer:
        """Ask for something to be done; fields that are ``None`` are left out. Raises ``CliError``."""
        return self._ask("POST", path, json=_given(body))

    def _ask(self, method: str, path: tuple[str, ...], **content: Any) -> Answer:
        target = "/".join(["/admin", *map(_segment, path)])
        try:
            response = self._http.request(method, target, **content)
        except httpx.ConnectError:
            raise CliError(f"{self._url} {UNANSWERED}", UNREACHABLE) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise CliError(f"{self._url} cannot be asked ({type(error).__name__}): try again.", UNREACHABLE) from None
        if response.is_error:
            raise _refused(response, token_made=not self._token)
        return Answer(response.text)

    @cached_property
    def _http(self) -> httpx.Client:
        headers, url = {"Authorization": f"Bearer {self._bearer()}"}, httpx.URL(self._url)
        needs_certificates = url.scheme != "http"  # reading them takes longer than many a command
        return httpx.Client(base_url=url, headers=headers, timeout=SECONDS, verify=needs_certificates)

    def _bearer(self) -> str:
        url = httpx.URL(self._url)
        if url.host not in LOOPBACK and url.scheme != "https":
            raise CliError(f"{self._url} would carry the token in plain text: give an https URL.", UNREACHABLE)
        if self._token:
            return self._token
        if url.host not in LOOPBACK:
            raise CliError(f"{self._url} needs a token with the scope {SCOPE}: give BANYAN_TOKEN.", UNREACHABLE)
        return make_token(self._tenant, scopes=[SCOPE, CONTENTS])


def _segment(id: str) -> str:
    """An id as it stands in a path. Raises ``CliError`` for one that no path can carry, so that nothing has it."""
    if not id.isalnum():
        from banyan.text import PATH_RULE, fits_in_path  # takes longer to load than most ids need

        if not fits_in_path(id):
            raise CliError(f"There is nothing under {id!r}: an id is {PATH_RULE}.")
    return quote(id, safe="")


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _refused(response: httpx.Response, *, token_made: bool) -> Refused:
    try:
        problem: dict[str, Any] = response.json()
    except ValueError:
        problem = {}
    code, detail = problem.get("code", ""), problem.get("detail") or problem.get("message") or response.reason_phrase
    if response.status_code in (401, 403) and code != "forbidden_tenant" and CONTENTS not in detail:
        detail = f"the token was refused ({detail.rstrip('.')}): it must be valid and have the scope {SCOPE}"
    if response.status_code == 401 and token_made:
        detail += "; it was made with the key of this folder, for the stack that runs from this folder"
    sentence = f"{code or response.status_code}: {detail}"
    return Refused(response.status_code, code, sentence, again="Retry-After" in response.headers)
