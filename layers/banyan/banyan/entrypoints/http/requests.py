"""What a request says, in its headers and its body."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NoReturn

from banyan.entrypoints.http.problems import BadRequest, BodyTooLarge, InvalidText, UnsupportedEncoding
from banyan.gzipped import gunzip, is_gzipped
from banyan.telemetry import read_traceparent
from banyan.text import PATH_RULE, REPLACEMENT, fits_in_path

CONTENT_ENCODING: Final = "Content-Encoding"
CORRELATION_ID: Final = "X-Correlation-Id"
IDEMPOTENCY_KEY: Final = "Idempotency-Key"
OCCURRED_AT: Final = "X-Occurred-At"
TRACEPARENT: Final = "traceparent"
IF_MATCH: Final = "If-Match"
IF_NONE_MATCH: Final = "If-None-Match"
ETAG: Final = "ETag"

_VISIBLE = re.compile(r"[!-~]{1,128}")
_KEY = re.compile(r"[!-~]{1,255}")
_VERSION = re.compile(r'"([0-9]{1,18})"')
_TAGS = re.compile(r'\*|(W/)?"[!#-~]*"(\s*,\s*(W/)?"[!#-~]*")*')
_TAG = re.compile(r'"[!#-~]*"')
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt ](?:[01]\d|2[0-3]):[0-5]\d:)([0-5]\d|60)((?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d))",
    re.ASCII,
)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Headers:
    """Headers of one request, by lower-case name.

    Every property but ``traceparent`` raises ``BadRequest`` (``malformed_header``) when its header is there but
    malformed.
    """

    found: Mapping[str, str]

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Headers:
        """Headers of an API Gateway event."""
        return cls({name.lower(): value.strip() for name, value in (event.get("headers") or {}).items()})

    @property
    def correlation_id(self) -> str | None:
        """1–128 visible ASCII characters that a path can hold."""
        wanted = f"1 to 128 visible ASCII characters {PATH_RULE}"
        match = self._match(CORRELATION_ID, _VISIBLE, wanted)
        if match and not fits_in_path(match[0]):
            raise _malformed(CORRELATION_ID, wanted)
        return match[0] if match else None

    @property
    def idempotency_key(self) -> str | None:
        """1–255 visible ASCII characters."""
        match = self._match(IDEMPOTENCY_KEY, _KEY, "1 to 255 visible ASCII characters")
        return match[0] if match else None

    @property
    def expected_version(self) -> int | None:
        """The version in ``If-Match``; ``*`` names no particular one."""
        if self.found.get(IF_MATCH.lower()) == "*":
            return None
        match = self._match(IF_MATCH, _VERSION, 'a version in quotes, such as "3", or *')
        return int(match[1]) if match else None

    @property
    def occurred_at(self) -> datetime | None:
        """When it happened in the world, UTC to the microsecond; a leap second counts as the one behind it."""
        match = self._match(OCCURRED_AT, _RFC3339, "a time as in RFC 3339, such as 2010-12-01T08:26:00Z")
        try:
            return _moment(*match.groups()) if match else None
        except (ValueError, OverflowError) as error:
            raise _malformed(OCCURRED_AT, "a time that exists") from error

    @property
    def traceparent(self) -> str:
        """The caller's W3C trace context; empty when it is missing or malformed."""
        return read_traceparent(self.found.get(TRACEPARENT, ""))

    def matches(self, etag: str) -> bool:
        """Whether ``If-None-Match`` holds an entity tag, weak or strong."""
        match = self._match(IF_NONE_MATCH, _TAGS, "entity tags or *")
        return match is not None and (match[0] == "*" or etag in _TAG.findall(match[0]))

    def _match(self, name: str, pattern: re.Pattern[str], wanted: str) -> re.Match[str] | None:
        value = self.found.get(name.lower())
        if value is None:
            return None
        match = pattern.fullmatch(value)
        if match is None:
            raise _malformed(name, wanted)
        return match


def etag(version: int) -> str:
    """The entity tag of a version."""
    return f'"{version}"'


def _moment(minute: str, second: str, rest: str) -> datetime:
    if second != "60":
        return datetime.fromisoformat(f"{minute}{second}{rest}".upper()).astimezone(UTC)
    moment = _moment(minute, "59", rest) + _SECOND
    if (moment.day, moment.hour, moment.minute) != (1, 0, 0):
        raise ValueError("leap seconds end months")
    return moment


def _malformed(name: str, wanted: str) -> BadRequest:
    return BadRequest("malformed_header", f"{name} must be {wanted}", name)


MAX_DEPTH: Final = 100
_GZIP: Final = frozenset({"gzip", "x-gzip"})
_CODINGS: Final = _GZIP | {"", "identity"}
NUL: Final = "\0"


def read_body(event: Mapping[str, Any], max_bytes: int) -> dict[str, Any]:
    """The JSON object in the body of an API Gateway event; an empty body is an empty object.

    Parameters
    ----------
    max_bytes : int
        Largest body accepted, compressed or not.

    Raises
    ------
    BodyTooLarge, UnsupportedEncoding
    BadRequest
        ``malformed_json``: damaged gzip, not UTF-8, not JSON, NaN or Infinity, a key twice, too deep, or not an object.
    """
    try:
        raw = _decoded(event, _bytes(event), max_bytes)
        body = _parse(_text(raw)) if raw.strip() else {}
        _expect_shallow(body)
        canonical(body).encode()
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise BadRequest("malformed_json", "the body must be JSON in UTF-8, with each key once and no NaN") from error
    if not isinstance(body, dict):
        raise BadRequest("malformed_json", "the body must be a JSON object")
    return body


def expect_text(body: Mapping[str, Any]) -> None:
    """Expect that no text in a body holds U+0000: PostgreSQL cannot hold that, so a command says it nowhere.

    Raises
    ------
    InvalidText
        With the path of the first one.
    """
    unfit = next(_unfit(body), None)
    if unfit is not None:
        raise InvalidText(unfit)


def canonical(value: Any) -> str:
    """One text for equal JSON values; a decimal number counts as its text, in the spelling it came in."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_decimal)


def _bytes(event: Mapping[str, Any]) -> bytes:
    body = event.get("body") or ""
    if not isinstance(body, str):
        raise ValueError("the body is not text")
    return b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()


def _decoded(event: Mapping[str, Any], raw: bytes, max_bytes: int) -> bytes:
    """The body without its content coding; a gateway may have taken that off and left the header."""
    if len(raw) > max_bytes:
        raise BodyTooLarge(f"the body has {len(raw)} bytes, {max_bytes} are accepted: send less at once")
    coding = Headers.of(event).found.get(CONTENT_ENCODING.lower(), "").lower()
    if coding not in _CODINGS:
        raise UnsupportedEncoding(f"{CONTENT_ENCODING} {coding!r} is not accepted: send gzip, or leave it out")
    if coding not in _GZIP or not is_gzipped(raw):
        return raw
    try:
        found = gunzip(raw, max_bytes)
    except ValueError as error:
        raise BadRequest("malformed_json", "the body begins as gzip does, and is damaged") from error
    if len(found) > max_bytes:
        raise BodyTooLarge(f"the body is longer than {max_bytes} bytes once it is decompressed: send less at once")
    return found


def _text(raw: bytes) -> str:
    """The body's text; API Gateway may have replaced bytes that are not UTF-8 before we see them."""
    text = raw.decode()
    if REPLACEMENT in text:
        raise ValueError("the body was not UTF-8")
    return text


def _expect_shallow(value: Any) -> None:
    """Expect no more levels than everything behind can follow; how many that are depends on the version of Python."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for each in level for child in _children(each)]
        if not level:
            return
    raise ValueError(f"the body has more than {MAX_DEPTH} levels")


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _parse(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_object)


def _unfit(value: Any, path: str = "") -> Iterator[str]:
    """Paths of texts that hold U+0000; of a name that does, the path of its object."""
    match value:
        case str() if NUL in value:
            yield path
        case dict():
            for name, inner in value.items():
                yield from [path or "(name)"] if NUL in name else _unfit(inner, f"{path}.{name}" if path else name)
        case list():
            for index, inner in enumerate(value):
                yield from _unfit(inner, f"{path}.{index}" if path else str(index))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in an object")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _decimal(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
