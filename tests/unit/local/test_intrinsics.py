from __future__ import annotations

from typing import Any

import pytest

from banyan_tools.local.errors import StackError
from banyan_tools.local.intrinsics import Intrinsics

REFS = {"Name": "orders", "Steps": ["10", "25"], "Empty": "", "Table": "banyan-Table"}
CONDITIONS = {
    "IsNamed": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Name"}, ""]}]},
    "IsEmpty": {"Fn::Equals": [{"Ref": "Empty"}, ""]},
    "Both": {"Fn::And": [{"Condition": "IsNamed"}, {"Condition": "IsEmpty"}]},
    "Neither": {"Fn::Not": [{"Fn::Or": [{"Condition": "IsNamed"}, {"Condition": "IsEmpty"}]}]},
}
MAPPINGS = {"Sizes": {"dev": {"memory": 128}, "prod": {"memory": 1024}}}


@pytest.fixture
def intrinsics() -> Intrinsics:
    return Intrinsics(REFS.__getitem__, lambda name, attribute: f"{name}!{attribute}", CONDITIONS, MAPPINGS)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        (3, 3),
        ({"Ref": "Name"}, "orders"),
        ({"Fn::GetAtt": ["Table", "Arn"]}, "Table!Arn"),
        ({"Fn::GetAtt": "Table.StreamArn"}, "Table!StreamArn"),
        ({"Fn::Sub": "a/${Name}/${Table.Arn}/${!kept}"}, "a/orders/Table!Arn/${kept}"),
        ({"Fn::Sub": ["${Own}-${Name}", {"Own": {"Ref": "Table"}}]}, "banyan-Table-orders"),
        ({"Fn::Join": [",", {"Ref": "Steps"}]}, "10,25"),
        ({"Fn::Join": ["-", [{"Ref": "Name"}, 1]]}, "orders-1"),
        ({"Fn::Select": ["1", {"Ref": "Steps"}]}, "25"),
        ({"Fn::Split": ["/", "a/b"]}, ["a", "b"]),
        ({"Fn::FindInMap": ["Sizes", "prod", "memory"]}, 1024),
        ({"Fn::If": ["Both", "yes", "no"]}, "yes"),
        ({"Fn::If": ["Neither", "yes", {"Ref": "Name"}]}, "orders"),
        ({"kept": 1, "gone": {"Fn::If": ["Neither", 1, {"Ref": "AWS::NoValue"}]}}, {"kept": 1}),
        ([1, {"Ref": "AWS::NoValue"}, {"deep": {"Ref": "Name"}}], [1, {"deep": "orders"}]),
        ({"Condition": "only a key here"}, {"Condition": "only a key here"}),
    ],
)
def test_evaluates(intrinsics: Intrinsics, value: Any, expected: Any) -> None:
    assert intrinsics.resolve(value) == expected


@pytest.mark.parametrize(("name", "holds"), [("IsNamed", True), ("IsEmpty", True), ("Both", True), ("Neither", False)])
def test_a_condition_holds_or_not(intrinsics: Intrinsics, name: str, holds: bool) -> None:
    assert intrinsics.condition(name) is holds


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ({"Fn::ImportValue": "x"}, "does not support the intrinsic function Fn::ImportValue"),
        ({"Fn::If": ["Missing", 1, 2]}, "names the condition Missing"),
        ({"Fn::Select": [5, ["a"]]}, "uses Fn::Select wrongly"),
        ({"Fn::Join": ["-"]}, "uses Fn::Join wrongly"),
    ],
)
def test_says_what_it_cannot_evaluate(intrinsics: Intrinsics, value: Any, sentence: str) -> None:
    with pytest.raises(StackError, match=sentence):
        intrinsics.resolve(value)
