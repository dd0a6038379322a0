"""Assertions that show the difference."""

from __future__ import annotations

from difflib import ndiff
from pprint import pformat
from typing import Any

from pydantic import BaseModel


def assert_same(what: str, expected: Any, actual: Any) -> None:
    """Compare two values.

    Raises
    ------
    AssertionError
        Lines with ``-`` were expected, lines with ``+`` came.
    """
    if expected != actual:
        lines = ndiff(_lines(expected), _lines(actual))
        raise AssertionError("\n".join([f"{what}: - expected, + actual", *lines]))


def _lines(value: Any) -> list[str]:
    return pformat(_plain(value), width=100, sort_dicts=False).splitlines()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return {"": type(value).__name__, **{name: _plain(content) for name, content in value}}
    if isinstance(value, dict):
        return {key: _plain(content) for key, content in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(content) for content in value]
    return value
