"""Equal contents have equal checksums whichever side they come from; differences are named down to the field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.reconciliation.content import canonical, checksum, differing
from banyan.reconciliation.sides import difference, judged

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


class Limit(StrEnum):
    HIGH = "high"
    LOW = "low"


DIGITS = "123456789012345678901234567890.12345678901234567890"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"price": Decimal("4.50")}, {"price": Decimal("4.5")}),
        ({"price": Decimal("4")}, {"price": 4}),
        ({"price": Decimal("-0.00")}, {"price": 0}),
        ({"price": Decimal("1E+3")}, {"price": 1000}),
        ({"at": NOON}, {"at": NOON.astimezone(timezone(timedelta(hours=2)))}),
        ({"items": (1, 2)}, {"items": [1, 2]}),
        ({"limits": {Limit.HIGH: 1, Limit.LOW: 10**30}}, {"limits": {"low": 10**30, "high": 1}}),
        ({"bins": {10: 1, 9: 2}}, {"bins": {"9": 2, "10": 1}}),
    ],
)
def test_what_means_the_same_has_one_checksum(one: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    assert checksum(one) == checksum(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"price": Decimal("4.50")}, {"price": Decimal("4.51")}),
        ({"price": Decimal(DIGITS + "1")}, {"price": Decimal(DIGITS + "2")}),
        ({"price": 4}, {"price": "4"}),
        ({"at": NOON}, {"at": NOON + timedelta(microseconds=1)}),
        ({"day": date(2026, 1, 5)}, {"day": date(2026, 1, 6)}),
        ({"items": [1, 2]}, {"items": [2, 1]}),
        ({"note": None}, {}),
    ],
)
def test_what_differs_has_another_checksum(one: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    assert checksum(one) != checksum(other)


@pytest.mark.parametrize("value", [datetime(2026, 1, 5), Decimal("NaN"), b"raw", {1}])  # noqa: DTZ001
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, orjson.JSONEncodeError)):
        canonical({"value": value})


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_decimal_is_written_exactly(value: Decimal) -> None:
    text = canonical(value).decode()
    assert Decimal(text) == value
    assert "e" not in text.lower()


def test_differences_are_named_by_their_path_and_show_both_values() -> None:
    expected = {"items": [{"sku": "tea", "price": Decimal("4.50")}, {"sku": "cup"}], "note": "a"}
    actual = {"items": [{"sku": "tea", "price": Decimal("4.49")}, {"sku": "cup"}], "open": True}
    found = [(field.name, field.expected, field.actual) for field in differing(expected, actual)]
    assert found == [("items.0.price", "4.5", "4.49"), ("note", '"a"', None), ("open", None, "true")]


def test_lists_of_different_length_differ_as_a_whole() -> None:
    assert [field.name for field in differing({"items": [1, 2]}, {"items": [1]})] == ["items"]


def test_long_values_are_cut_and_many_fields_counted_out() -> None:
    wide = {f"f{n:03}": "x" * 1000 for n in range(200)}
    found = differing(wide, {})
    assert len(found) == 50
    assert all(len(field.expected or "") == 200 for field in found)


def test_a_side_without_the_entity_is_distinguished_from_one_that_differs() -> None:
    kinds = [difference("o-1", *pair) for pair in ((None, None), ({"a": 1}, None), (None, {"a": 1}), ({"a": 1},) * 2)]
    assert [finding and finding.kind for finding in kinds] == [None, "missing_row", "extra_row", None]


def test_the_evidence_of_a_difference_is_what_both_sides_hold() -> None:
    assert judged("o-1", {"a": 1}, {"a": 1}).finding is None
    one, other = judged("o-1", {"a": 1}, {"a": 2}), judged("o-1", {"a": 1}, {"a": 3})
    assert one.finding is not None
    assert one.evidence != other.evidence


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**40, -(10**40)])
def test_an_integer_of_any_length_stands_as_it_is(number: int) -> None:
    assert (
        canonical({"a": [{"b": number}], "c": (number, 1.5)})
        == f'{{"a":[{{"b":{number}}}],"c":[{number},1.5]}}'.encode()
    )
    assert canonical({"b": number}) != canonical({"b": number + 1})
    with pytest.raises(TypeError):
        canonical({"b": number, "c": {1}})
