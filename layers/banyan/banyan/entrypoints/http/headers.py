"""The request headers that mean something to the engine, validated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from banyan import tracing
from banyan.entrypoints.http.problems import BadRequest
from banyan.text import PATH_RULE, fits_in_path

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
        return tracing.traceparent(self.found.get(TRACEPARENT, ""))

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
