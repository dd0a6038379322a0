"""The page itself: static files, which anyone may have, since all that they show comes from the operator's API."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from base64 import b64encode
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

from aws_lambda_powertools.event_handler.exceptions import NotFoundError

from banyan.adapters.observability import log_failure
from banyan.entrypoints.console.modules import CannotBeJoined, joined
from banyan.entrypoints.console.sign_in import SignIn
from banyan.entrypoints.http.requests import ETAG, Headers

PATH: Final = "/console"
INDEX: Final = "index.html"
MAIN: Final = "main.js"
"""Served with all that it imports, but for what is in ``vendor``."""
OTHER_NAMES: Final = frozenset({f"{PATH}/", f"{PATH}/{INDEX}"})
"""Of the page, whose files would not be found from there."""
SIGN_IN: Final = "sign-in.json"
FOLDER: Final = Path(__file__).with_name("page")
TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
"""Files of other types are not served."""
LONGEST_NAME: Final = 200
"""Of a file; file systems answer with an error instead of a no where a name is longer than they take."""
HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}
_NAME = re.compile(r"[a-z0-9][\w.-]*(/[a-z0-9][\w.-]*)*", re.ASCII | re.IGNORECASE)
_CODING = re.compile(r"(?:^|,)\s*gzip\s*(?:;\s*q=(\d(?:\.\d{0,3})?)\s*)?(?:,|$)", re.IGNORECASE)


def security_policy(*connected: str) -> str:
    """What the page may load: files from where it came, data from there and from other origins that are named."""
    rules = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": " ".join(["'self'", *connected]),
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


@dataclass(frozen=True)
class StaticFile:
    """A file as it is served; compressed once, always to the same bytes."""

    content: bytes
    media_type: str

    def tag(self, policy: str) -> str:
        """Weak, since it stands for the compressed form as well.

        A browser may keep the policy that it has when it hears that its copy is still good; so that is part of it.
        """
        return f'"{hashlib.sha256(policy.encode() + self.content).hexdigest()[:32]}"'

    @cached_property
    def plain(self) -> str:
        """The content, as API Gateway wants bytes."""
        return b64encode(self.content).decode()

    @cached_property
    def compressed(self) -> str:
        """The same, compressed."""
        return b64encode(gzip.compress(self.content, mtime=0)).decode()


class ConsolePage:
    """Answers requests for the page and its files, each read when it is first asked for.

    Parameters
    ----------
    sign_in : SignIn
        Asked once the page is, not before.
    folder : Path
        All files in it are public.
    """

    def __init__(self, sign_in: SignIn, folder: Path = FOLDER) -> None:
        self._sign_in = sign_in
        self._folder = folder

    def serves(self, path: str) -> bool:
        """Whether a path is the page's."""
        return path == PATH or path.startswith(f"{PATH}/")

    def answer(self, path: str, headers: Headers) -> dict[str, Any]:
        """Answer a request for a file. Raises ``NotFoundError``."""
        if path in OTHER_NAMES:
            return {"statusCode": 308, "headers": {**HEADERS, "Location": "../console"}, "body": ""}
        name = path.removeprefix(PATH).removeprefix("/") or INDEX
        if name == SIGN_IN:
            sent = {**HEADERS, "Cache-Control": "no-store", "Content-Type": TYPES[".json"]}
            return {"statusCode": 200, "headers": sent, "body": json.dumps(self._sign_in.document())}
        origins = self._sign_in.origins() if name == INDEX else ()
        return _answer(self._file(name), headers, security_policy(*origins))

    def _file(self, name: str) -> StaticFile:
        place = self._folder / name
        if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
            raise NotFoundError
        if place.suffix not in TYPES or not place.is_file():
            raise NotFoundError
        if name == MAIN:
            return _joined(self._folder, tuple(each.stat().st_mtime_ns for each in sorted(self._folder.rglob("*.js"))))
        return _read(place, place.stat().st_mtime_ns)


def _answer(file: StaticFile, headers: Headers, policy: str) -> dict[str, Any]:
    tag = file.tag(policy)
    sent = {**HEADERS, "Content-Security-Policy": policy, ETAG: f"W/{tag}"}
    if headers.matches(tag):
        return {"statusCode": 304, "headers": sent, "body": ""}
    sent["Content-Type"] = file.media_type
    if not accepts_gzip(headers):
        return {"statusCode": 200, "headers": sent, "body": file.plain, "isBase64Encoded": True}
    sent["Content-Encoding"] = "gzip"
    return {"statusCode": 200, "headers": sent, "body": file.compressed, "isBase64Encoded": True}


@cache
def _read(place: Path, changed: int) -> StaticFile:  # noqa: ARG001
    """Read a file, again once it was changed, which happens only where the console itself is worked on."""
    return StaticFile(place.read_bytes(), TYPES[place.suffix])


@cache
def _joined(folder: Path, changed: tuple[int, ...]) -> StaticFile:
    try:
        text = joined(MAIN, lambda name: (folder / name).read_text(encoding="utf-8"))
    except (CannotBeJoined, OSError) as error:
        log_failure("the console's modules are served one by one", error)
        return _read(folder / MAIN, hash(changed))
    return StaticFile(text.encode(), TYPES[".js"])


def accepts_gzip(headers: Headers) -> bool:
    """Whether the client takes compressed answers."""
    found = _CODING.search(headers.found.get("accept-encoding", ""))
    return found is not None and float(found[1] or 1) > 0
