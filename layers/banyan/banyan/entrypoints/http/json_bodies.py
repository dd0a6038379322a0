"""Exact JSON: numbers stay decimal, and what different readers would read differently is refused."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, NoReturn

from banyan.entrypoints.http.problems import BadRequest, BodyTooLarge, InvalidText
from banyan.text import REPLACEMENT

MAX_DEPTH: Final = 100
NUL: Final = "\0"


def read_body(event: Mapping[str, Any], max_bytes: int) -> dict[str, Any]:
    """The JSON object in the body of an API Gateway event; an empty body is an empty object.

    Parameters
    ----------
    event : Mapping[str, Any]
    max_bytes : int
        Largest body accepted.

    Raises
    ------
    BodyTooLarge
    BadRequest
        ``malformed_json``: not UTF-8, not JSON, NaN or Infinity, a key twice, too deep, or not an object.
    """
    try:
        raw = _bytes(event)
        if len(raw) > max_bytes:
            raise BodyTooLarge(f"the body has {len(raw)} bytes, {max_bytes} are accepted: send less at once")
        body = _parse(_text(raw)) if raw.strip() else {}
        _expect_shallow(body)
        canonical(body).encode()
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise BadRequest("malformed_json", "the body is not well-formed JSON in UTF-8") from error
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
    raise ValueError(f"{constant} is no JSON")


def _decimal(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no JSON")
