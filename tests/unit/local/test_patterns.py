from __future__ import annotations

from typing import Any

import pytest

from banyan_tools.local.errors import StackError
from banyan_tools.local.patterns import compile_pattern

COMMIT = {"eventName": "INSERT", "dynamodb": {"NewImage": {"commit_id": {"S": "c-1"}, "count": {"N": "2"}}}}
SNAPSHOT = {"eventName": "INSERT", "dynamodb": {"NewImage": {"state": {"S": "{}"}}}}
IS_COMMIT = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"commit_id": {"S": [{"exists": True}]}}}}


@pytest.mark.parametrize(
    ("pattern", "event", "matches"),
    [
        (IS_COMMIT, COMMIT, True),
        (IS_COMMIT, SNAPSHOT, False),
        (IS_COMMIT, {"eventName": "REMOVE"}, False),
        ({"eventName": ["MODIFY", "REMOVE"]}, {"eventName": "REMOVE"}, True),
        ({"eventName": ["MODIFY", "REMOVE"]}, COMMIT, False),
        ({"a": [{"exists": False}]}, {"b": 1}, True),
        ({"a": [{"exists": False}]}, {"a": None}, False),
        ({"a": [{"exists": True}]}, {"a": {"nested": 1}}, False),
        ({"a": [None]}, {"a": None}, True),
        ({"a": [None]}, {}, False),
        ({"a": [1]}, {"a": 1.0}, True),
        ({"a": [1]}, {"a": True}, False),
        ({"a": [1]}, {"a": "1"}, False),
        ({"a": ["x"]}, {"a": ["y", "x"]}, True),
        ({"a": {"b": ["x"]}}, {"a": [{"b": "y"}, {"b": "x"}]}, True),
        ({"a": {"b": ["x"]}}, {"a": "x"}, False),
        ({"a": [{"prefix": "or"}]}, {"a": "order"}, True),
        ({"a": [{"prefix": "or"}]}, {"a": "floor"}, False),
        ({"a": [{"prefix": {"equals-ignore-case": "OR"}}]}, {"a": "order"}, True),
        ({"a": [{"suffix": "er"}]}, {"a": "order"}, True),
        ({"a": [{"suffix": "er"}]}, {"a": 5}, False),
        ({"a": [{"equals-ignore-case": "ORDER"}]}, {"a": "order"}, True),
        ({"a": [{"equals-ignore-case": "ORDER"}]}, {"a": "orders"}, False),
        ({"a": [{"numeric": [">", 0, "<=", 5]}]}, {"a": 5}, True),
        ({"a": [{"numeric": [">", 0, "<=", 5]}]}, {"a": 0}, False),
        ({"a": [{"numeric": ["=", 1]}]}, {"a": True}, False),
        ({"a": [{"anything-but": "x"}]}, {"a": "y"}, True),
        ({"a": [{"anything-but": ["x", "y"]}]}, {"a": "y"}, False),
        ({"a": [{"anything-but": ["x"]}]}, {}, False),
        ({"a": [{"anything-but": {"prefix": "in"}}]}, {"a": "internal"}, False),
        ({"a": ["x", {"prefix": "y"}]}, {"a": "yes"}, True),
        ({"$or": [{"a": [1]}, {"b": [2]}]}, {"b": 2}, True),
        ({"$or": [{"a": [1]}, {"b": [2]}]}, {"a": 2, "b": 1}, False),
        ({"c": [3], "$or": [{"a": [1]}, {"b": [2]}]}, {"b": 2}, False),
    ],
)
def test_matches_as_eventbridge_does(pattern: Any, event: Any, matches: bool) -> None:
    assert compile_pattern(pattern)(event) is matches


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [({"a": [{"cidr": "10.0.0.0/8"}]}, "filter operator 'cidr'"), ({"a": "x"}, "needs a list of values, not 'x'")],
)
def test_refuses_what_it_does_not_know(pattern: Any, sentence: str) -> None:
    with pytest.raises(StackError, match=sentence):
        compile_pattern(pattern)
