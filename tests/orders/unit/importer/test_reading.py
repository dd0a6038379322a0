"""One line of the file becomes a line, or a rejection that says why."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from banyan.text import fits_in_path
from orders.tools.importer.dates import Dates
from orders.tools.importer.reading import GUEST, HEADER, Line, NotOnlineRetailError, Reason, Rejected, read

GOOD = "536365,85123A,WHITE HEART,6,12/1/10 8:26,2.55,17850,United Kingdom"


def parse(number: int, text: str, dates: Dates | None = None) -> Line | Rejected:
    """One line, alone in its file."""
    return read([HEADER, *[""] * (number - 2), text], dates).entries[-1]


def test_a_line_is_read_as_it_stands() -> None:
    assert parse(2, GOOD) == Line(
        number=2,
        invoice="536365",
        sku="85123A",
        quantity=6,
        moment=datetime(2010, 12, 1, 8, 26, tzinfo=UTC),
        price=Decimal("2.55"),
        customer="17850",
    )


def test_a_line_without_a_customer_is_a_guests() -> None:
    line = parse(2, "536544,85123A,,6,12/1/10 8:26,2.55,,United Kingdom")
    assert isinstance(line, Line)
    assert line.customer == GUEST


@pytest.mark.parametrize("sku", ["BANK CHARGES", "gift_0001_20", "85123a", "POST", "C2", "M"])
def test_stock_codes_are_taken_as_they_stand(sku: str) -> None:
    line = parse(2, f"536544,{sku},,6,12/1/10 8:26,2.55,,United Kingdom")
    assert isinstance(line, Line)
    assert line.sku == sku


@pytest.mark.parametrize("id", [".", "..", "...", ".a", *(f"A{sign}1" for sign in map(chr, range(0x21, 0x7F)))])
def test_an_order_whose_ids_the_api_would_refuse_is_not_sent(id: str) -> None:
    quoted = f'"{id.replace(chr(34), chr(34) * 2)}"'
    read_as = [parse(2, GOOD.replace(value, quoted)) for value in ("85123A", "17850")]
    sku, customer = (isinstance(line, Line) for line in read_as)
    assert sku is fits_in_path(id)
    assert not customer or fits_in_path(id)


@pytest.mark.parametrize("price", ["18", "0.1", "2.550", "0.001", "0.0001"])
def test_a_price_keeps_the_decimals_of_the_file(price: str) -> None:
    line = parse(2, f"536544,POST,,6,12/1/10 8:26,{price},,United Kingdom")
    assert isinstance(line, Line)
    assert format(line.price, "f") == price


def test_both_writings_of_the_year_are_read() -> None:
    short, long = (parse(2, GOOD.replace("12/1/10", day)) for day in ("12/1/10", "12/1/2010"))
    assert short == long


def test_quotes_and_commas_in_a_description_do_no_harm() -> None:
    assert isinstance(parse(2, GOOD.replace("WHITE HEART", '"HOOK, ""CAST IRON"""')), Line)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        (0, "", Reason.BAD_INVOICE),
        (0, "53 6365", Reason.BAD_INVOICE),
        (0, "53/6365", Reason.BAD_INVOICE),
        (0, "A563185", Reason.ADJUSTMENT),
        (1, "", Reason.BAD_STOCK_CODE),
        (1, "8512\x003", Reason.BAD_STOCK_CODE),
        (3, "many", Reason.BAD_QUANTITY),
        (3, "1.5", Reason.BAD_QUANTITY),
        (3, "1" * 5000, Reason.BAD_QUANTITY),
        (4, "", Reason.BAD_DATE),
        (4, "13/13/10 8:26", Reason.BAD_DATE),
        (4, "12/1/10", Reason.BAD_DATE),
        (5, "", Reason.BAD_PRICE),
        (5, "NaN", Reason.BAD_PRICE),
        (5, "1e3", Reason.BAD_PRICE),
        (5, "2.55000001", Reason.BAD_PRICE),
        (6, "17\t850", Reason.BAD_CUSTOMER),
        (3, "0", Reason.QUANTITY),
        (3, "-6", Reason.QUANTITY),
        (5, "0.00", Reason.PRICE),
        (5, "-11062.06", Reason.PRICE),
    ],
)
def test_a_bad_field_has_its_reason(field: int, value: str, reason: Reason) -> None:
    fields = GOOD.split(",")
    fields[field] = value
    assert parse(7, ",".join(fields)) == Rejected(7, fields[0], reason)


@pytest.mark.parametrize("text", ["536365", GOOD + ",more", '536365,"85123A,6,12/1/10 8:26,2.55,17850,UK'])
def test_a_line_with_other_columns_is_rejected(text: str) -> None:
    assert parse(3, text) == Rejected(3, "", Reason.WRONG_COLUMNS)


def test_a_line_that_csv_cannot_hold_is_rejected() -> None:
    assert parse(3, GOOD.replace("WHITE", "W" * 200_000)) == Rejected(3, "", Reason.UNREADABLE)


@pytest.mark.parametrize(("quantity", "price"), [("-1", "27.5"), ("0", "0"), ("3", "-2.10")])
def test_signs_do_not_matter_in_a_credit_note(quantity: str, price: str) -> None:
    line = parse(2, f"C536379,D,Discount,{quantity},12/1/10 9:41,{price},14527,United Kingdom")
    assert isinstance(line, Line)
    assert line.is_credit


def test_an_unbalanced_quote_costs_its_own_line_only() -> None:
    torn = GOOD.replace("WHITE HEART", '"WHITE HEART')
    assert [type(entry) for entry in read([HEADER, torn, GOOD]).entries] == [Rejected, Line]


def test_lines_are_numbered_as_an_editor_does() -> None:
    assert [entry.number for entry in read([HEADER, GOOD, "", GOOD]).entries] == [2, 3, 4]


@pytest.mark.parametrize("lines", [[], [""], [GOOD], [HEADER.replace("UnitPrice", "Cost")]])
def test_another_header_is_refused(lines: list[str]) -> None:
    with pytest.raises(NotOnlineRetailError, match="InvoiceNo,StockCode"):
        read(lines)
