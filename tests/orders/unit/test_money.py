"""Money comes in as text or number, is exact, and goes out as text."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from orders.money import Money, as_text

MONEY = TypeAdapter(Money)

amounts = st.decimals(
    min_value=Decimal("-999999999999.9999"), max_value=Decimal("999999999999.9999"), places=4, allow_nan=False
)


@pytest.mark.parametrize(
    ("given_as", "text"),
    [
        ("2.55", "2.55"),
        ("3", "3.00"),
        ("3.1", "3.10"),
        ("0.0001", "0.0001"),
        ("1.5000", "1.50"),
        ("-0.00", "0.00"),
        ("999999999999.9999", "999999999999.9999"),
        (7, "7.00"),
        (2.55, "2.55"),
        (0.1, "0.10"),
        (99999999999.5, "99999999999.50"),
        (Decimal("1E+3"), "1000.00"),
    ],
)
def test_is_read_and_written(given_as: Any, text: str) -> None:
    assert MONEY.dump_json(MONEY.validate_python(given_as)).decode() == f'"{text}"'


@pytest.mark.parametrize(
    "refused",
    [
        *("", " 1", "1 ", "1\n", "1_0", "1e3", "+1", ".5", "1.", "1,50", "٣", "NaN", "Infinity", "0x1"),
        *("1.00001", "1000000000000", 10**12, 0.1 + 0.2, 1e-05, 1e11, float("nan"), float("inf")),
        *(Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity"), Decimal("1E+13"), Decimal("0.00001")),
        *(Decimal("1E-400000000"), Decimal("0E-400000000"), Decimal("1E+400000000"), Decimal("0E+400000000")),
        *(True, None, [], {}),
    ],
    ids=repr,
)
def test_refuses_what_is_not_exact_money(refused: Any) -> None:
    with pytest.raises(ValidationError, match="amount"):
        MONEY.validate_python(refused)


def test_reads_json_numbers_as_they_are_spelled() -> None:
    assert MONEY.validate_json("2.55") == Decimal("2.55")


@given(amounts)
def test_json_round_trip_is_exact(amount: Decimal) -> None:
    assert MONEY.validate_json(MONEY.dump_json(amount)) == amount


@given(amounts)
def test_equal_amounts_have_equal_text(amount: Decimal) -> None:
    assert as_text(amount) == as_text(amount.normalize())


@given(st.decimals(min_value=Decimal("-99999999.9999"), max_value=Decimal("99999999.9999"), places=4))
def test_a_float_counts_as_the_text_that_stands_for_it(amount: Decimal) -> None:
    assert MONEY.validate_json(json.dumps(float(amount))) == amount


def test_writes_sums_of_any_size_without_an_exponent() -> None:
    assert as_text(Decimal("12345678901234567890123456789012.5")) == "12345678901234567890123456789012.50"


def test_says_in_its_schema_what_it_takes_and_gives() -> None:
    taken, written = MONEY.json_schema(), MONEY.json_schema(mode="serialization")

    assert [each["type"] for each in taken["anyOf"]] == ["string", "number"]
    assert written["type"] == "string"


@pytest.mark.parametrize("number", ["1e-400000000", "1e400000000", "0e400000000", "-1e999999", "1E-5"])
def test_a_number_that_would_fill_the_memory_is_refused(number: str) -> None:
    with pytest.raises(ValidationError, match="at most 12 digits"):
        MONEY.validate_python(Decimal(number))
