"""Which fields of two contents differ, and how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from banyan.events import CamelModel
from banyan.reconciliation.checksum import canonical

MAX_TEXT: Final = 200
MAX_FIELDS: Final = 50
ABSENT: Final = object()


class FieldDifference(CamelModel):
    """One field that differs.

    Parameters
    ----------
    name : str
        Path of the field, such as ``items.0.price``.
    expected, actual : str, optional
        Canonical JSON of both values, cut at ``MAX_TEXT`` characters; ``None`` where there is none.
    """

    name: str
    expected: str | None
    actual: str | None


def differing(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> tuple[FieldDifference, ...]:
    """The first ``MAX_FIELDS`` fields whose canonical JSON differs, by name."""
    return tuple(found for found, _ in zip(_walk("", expected, actual), range(MAX_FIELDS), strict=False))


def _walk(path: str, expected: Any, actual: Any) -> Iterator[FieldDifference]:
    if ABSENT is not expected and ABSENT is not actual and canonical(expected) == canonical(actual):
        return
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for name in sorted(expected.keys() | actual.keys()):
            yield from _walk(_below(path, name), expected.get(name, ABSENT), actual.get(name, ABSENT))
    elif isinstance(expected, list | tuple) and isinstance(actual, list | tuple) and len(expected) == len(actual):
        for index, pair in enumerate(zip(expected, actual, strict=True)):
            yield from _walk(_below(path, str(index)), *pair)
    else:
        yield FieldDifference(name=path, expected=_text(expected), actual=_text(actual))


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _text(value: Any) -> str | None:
    return None if value is ABSENT else canonical(value).decode()[:MAX_TEXT]
