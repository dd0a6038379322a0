"""What is written of a row into an item, and in which type."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from banyan.migration.stores.adapter import LegacyAdapter, Lines
from banyan.migration.stores.dynamodb import ItemAttributes


class Part(BaseModel):
    model_config = ConfigDict(frozen=True)

    sku: str
    price: Decimal = Decimal(1)
    pieces: int = 1


class Box(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: str = "box"
    weight: float = 0.1
    price: Decimal = Decimal("4.50")
    count: int = 1
    sealed: bool = False
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    gone: str | None = None
    must: str | None
    tags: tuple[str, ...] = ()
    sizes: frozenset[int] = frozenset()
    parts: tuple[Part, ...] = ()
    size: Mapping[str, int] = {}


def adapter(**options: Any) -> LegacyAdapter[Box, Any]:
    """An adapter of boxes."""
    nothing: Any = None
    return LegacyAdapter("box", Box, nothing, nothing, nothing, lines={"parts": Lines(("sku",))}, **options)


def written(item: Mapping[str, Any], before: dict[str, Any] | None, after: dict[str, Any]) -> Any:
    """What a change writes."""
    old = None if before is None else Box(**{"must": "m", **before})
    return ItemAttributes(adapter()).changed(item, old, Box(**{"must": "m", **after}))


TYPES = {
    "text that was text": ({"name": {"S": "a"}}, {"name": "b"}, {"name": {"S": "b"}}),
    "a number that was one": ({"price": {"N": "4.5"}}, {"price": Decimal("5.25")}, {"price": {"N": "5.25"}}),
    "a number that was text": ({"price": {"S": "4.5"}}, {"price": Decimal("5.25")}, {"price": {"S": "5.25"}}),
    "38 digits": ({"price": {"N": "1"}}, {"price": Decimal("9" * 38)}, {"price": {"N": "9" * 38}}),
    "39 digits fit into no number": ({"price": {"N": "1"}}, {"price": Decimal("9" * 39)}, {"price": {"S": "9" * 39}}),
    "text that no number says": ({"name": {"N": "7"}}, {"name": "008"}, {"name": {"S": "008"}}),
    "text that is like a number": ({"name": {"N": "7"}}, {"name": "NaN"}, {"name": {"S": "NaN"}}),
    "a size that no number has": ({"name": {"N": "7"}}, {"name": "1E+126"}, {"name": {"S": "1E+126"}}),
    "the largest size": ({"name": {"N": "7"}}, {"name": "9E+125"}, {"name": {"N": "9E+125"}}),
    "the smallest size": ({"name": {"N": "7"}}, {"name": "1E-130"}, {"name": {"N": "1E-130"}}),
    "a smaller size than any": ({"name": {"N": "7"}}, {"name": "9E-131"}, {"name": {"S": "9E-131"}}),
    "an integer": ({"count": {"N": "1"}}, {"count": 2}, {"count": {"N": "2"}}),
    "an integer that was text": ({"count": {"S": "1"}}, {"count": 2}, {"count": {"S": "2"}}),
    "an integer of any size": ({}, {"count": 10**30}, {"count": {"N": str(10**30)}}),
    "a float": ({"weight": {"N": "0.1"}}, {"weight": 0.30000000000000004}, {"weight": {"N": "0.30000000000000004"}}),
    "a small float": ({}, {"weight": 5e-100}, {"weight": {"N": "5E-100"}}),
    "a float that was text": ({"weight": {"S": "0.1"}}, {"weight": 2.5}, {"weight": {"S": "2.5"}}),
    "a truth": ({"sealed": {"BOOL": False}}, {"sealed": True}, {"sealed": {"BOOL": True}}),
    "a truth that was a number": ({"sealed": {"N": "0"}}, {"sealed": True}, {"sealed": {"N": "1"}}),
    "a truth that was text": ({"sealed": {"S": "false"}}, {"sealed": True}, {"sealed": {"S": "true"}}),
    "a moment": ({"at": {"S": "x"}}, {"at": datetime(2026, 2, 1, tzinfo=UTC)}, {"at": {"S": "2026-02-01T00:00:00Z"}}),
    "a set of text": ({"tags": {"SS": ["a"]}}, {"tags": ("b", "c")}, {"tags": {"SS": ["b", "c"]}}),
    "a set of numbers": ({"sizes": {"NS": ["1"]}}, {"sizes": {2}}, {"sizes": {"NS": ["2"]}}),
    "no set holds a value twice": ({"tags": {"SS": ["a"]}}, {"tags": ("b", "b")}, {"tags": {"L": [{"S": "b"}] * 2}}),
    "no set is empty": ({"tags": {"SS": ["a"]}}, {"tags": ()}, {"tags": {"L": []}}),
    "what was null": ({"gone": {"NULL": True}}, {"gone": "now"}, {"gone": {"S": "now"}}),
    "a map": ({"size": {"M": {"x": {"S": "1"}, "z": {"B": b"z"}}}}, {"size": {"y": 2}}, None),
}


@pytest.mark.parametrize(("item", "after", "expected"), TYPES.values(), ids=TYPES)
def test_a_changed_attribute_keeps_its_type_where_the_value_fits(
    item: dict[str, Any], after: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    before = {"tags": ("a",), "size": {"x": 1}, "sizes": {1}}
    found = written(item, before, {**before, **after})
    assert found == (expected or {"size": {"M": {"z": {"B": b"z"}, "y": {"N": "2"}}}})


def test_what_does_not_change_is_not_written() -> None:
    assert written({"price": {"N": "4.500"}, "note": {"S": "x"}}, {}, {}) == {}


def test_what_becomes_nothing_is_removed_where_that_reads_the_same() -> None:
    assert written({"gone": {"S": "x"}, "must": {"S": "m"}}, {"gone": "x"}, {"must": None}) == {
        "gone": None,
        "must": {"NULL": True},
    }


def test_a_new_item_has_the_types_of_its_json_and_numbers_where_the_adapter_says_so() -> None:
    row = Box(must=None, parts=(Part(sku="a"),))
    plain = ItemAttributes(adapter()).changed({}, None, row)
    counted = ItemAttributes(adapter(numbers=("price",))).changed({}, None, row)
    assert (plain["price"], plain["weight"], plain["gone"]) == ({"S": "4.50"}, {"N": "0.1"}, None)
    assert plain["parts"] == {"L": [{"M": {"sku": {"S": "a"}, "price": {"S": "1"}, "pieces": {"N": "1"}}}]}
    assert counted["price"] == {"N": "4.50"}
    assert counted["parts"] == {"L": [{"M": {"sku": {"S": "a"}, "price": {"N": "1"}, "pieces": {"N": "1"}}}]}


def part(sku: str, pieces: str, **extras: Any) -> dict[str, Any]:
    """A line as it is stored."""
    return {"M": {"sku": {"S": sku}, "price": {"N": "1"}, "pieces": {"N": pieces}, **extras}}


LINES = {
    "one more": (
        [part("a", "1.0", note={"S": "n"})],
        [Part(sku="a"), Part(sku="b")],
        [part("a", "1.0", note={"S": "n"}), part("b", "1")],
    ),
    "one changes": (
        [part("a", "1", n={"S": "a"}), part("b", "1", n={"SS": ["b"]})],
        [Part(sku="a"), Part(sku="b", pieces=2)],
        [part("a", "1", n={"S": "a"}), part("b", "2", n={"SS": ["b"]})],
    ),
    "one goes and the other changes": (
        [part("a", "1", n={"S": "a"}), part("b", "1", n={"S": "b"})],
        [Part(sku="b", pieces=2)],
        [part("b", "2", n={"S": "b"})],
    ),
    "one comes back and the other changes": (
        [part("b", "1", n={"S": "b"})],
        [Part(sku="a"), Part(sku="b", pieces=2)],
        [part("a", "1"), part("b", "2", n={"S": "b"})],
    ),
    "they change places": (
        [part("a", "1", n={"S": "a"}), part("b", "1", n={"S": "b"})],
        [Part(sku="b"), Part(sku="a")],
        [part("b", "1", n={"S": "b"}), part("a", "1", n={"S": "a"})],
    ),
    "equal ones": (
        [part("a", "1", n={"S": "1"}), part("a", "1", n={"S": "2"})],
        [Part(sku="a"), Part(sku="a"), Part(sku="a")],
        [part("a", "1", n={"S": "1"}), part("a", "1", n={"S": "2"}), part("a", "1")],
    ),
    "all go": ([part("a", "1")], [], []),
}


@pytest.mark.parametrize(("stored", "after", "expected"), LINES.values(), ids=LINES)
def test_a_line_keeps_what_else_is_stored_of_it(stored: list[Any], after: list[Part], expected: list[Any]) -> None:
    old = [Part(sku=e["M"]["sku"]["S"], pieces=int(Decimal(e["M"]["pieces"]["N"]))) for e in stored]
    assert written({"parts": {"L": stored}}, {"parts": old}, {"parts": after}) == {"parts": {"L": expected}}
