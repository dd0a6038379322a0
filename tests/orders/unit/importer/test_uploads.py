"""Files as people have them: other encodings, separators, columns, dates and numbers are read, or refused by name."""

from __future__ import annotations

import io
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.tools.importer.dates import AmbiguousDatesError, Dates
from orders.tools.importer.planning import Plan, plan
from orders.tools.importer.reading import HEADER, Line, NotOnlineRetailError, Reason, Rejected, read, read_file
from orders.tools.importer.sheet import decoded

MORNING = datetime(2010, 12, 1, 8, 26, tzinfo=UTC)
GOOD = "536365,85123A,WHITE HEART,6,12/1/10 8:26,2.55,17850,United Kingdom"


def planned(*rows: str, dates: Dates | None = None) -> Plan:
    return plan(read([HEADER, *rows], dates))


ROW = {"invoice": "1", "sku": "A", "note": "", "quantity": "6", "date": "12/1/10 8:26", "price": "2.55", "who": "7"}


def row(invoice: str = "1", **other: str) -> str:
    """A good line with some values changed."""
    values = [*{**ROW, "invoice": invoice, **other}.values(), "UK"]
    return ",".join(f'"{value}"' if "," in value else value for value in values)


def only(*rows: str, dates: Dates | None = None) -> Line:
    """The one line that becomes of some rows."""
    (line,) = [entry for entry in read([HEADER, *rows], dates).entries if isinstance(entry, Line)]
    return line


def reasons(*rows: str, dates: Dates | None = None) -> dict[Reason, int]:
    return Counter(rejected.reason for rejected in planned(*rows, dates=dates).rejected)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
def test_every_usual_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    (file := tmp_path / "file.csv").write_bytes(f"{HEADER}\r\n{row(who='José')}\r\n".encode(encoding))
    assert [order.customer for order in plan(read_file(file)).orders] == ["José"]


def test_a_line_in_another_encoding_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    lines = [HEADER.encode(), row("1", who="José").encode(), row("2", who="José").encode("cp1252")]
    (file := tmp_path / "file.csv").write_bytes(b"\n".join(lines))
    assert [order.customer for order in plan(read_file(file)).orders] == ["José", "José"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("first", ["", "sep={}\n", "\n\n"])
def test_every_usual_separator_is_read(separator: str, first: str) -> None:
    text = first.format(separator) + "\n".join(line.replace(",", separator) for line in (HEADER, GOOD))
    assert [order.total for order in plan(read([text])).orders] == [Decimal("15.30")]


@pytest.mark.parametrize(
    "header",
    [
        HEADER.upper(),
        HEADER.lower(),
        "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country",
        " invoice_no , stock code,Description,quantity,Invoice Date,unit price,Customer_ID,Country",
    ],
)
def test_a_column_is_known_by_its_name_however_it_is_written(header: str) -> None:
    assert plan(read([header, GOOD])).orders == planned(GOOD).orders


def test_columns_come_in_any_order_and_others_are_named_as_not_used() -> None:
    header = ",CustomerID,UnitPrice,InvoiceDate,Quantity,Basket,StockCode,InvoiceNo"
    made = plan(read([header, "0,17850,2.55,12/1/10 8:26,6,b-1,85123A,536365"]))
    assert made.orders == planned(GOOD).orders
    assert made.reading.unused == ("(no name)", "Basket")


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (HEADER.replace("CustomerID,", ""), "CustomerID missing"),
        (HEADER.replace("UnitPrice", "Cost").replace("Quantity", "Pieces"), "Quantity, UnitPrice missing"),
        (HEADER + ",Quantity", "Quantity there twice"),
        (HEADER + ",price", "UnitPrice there twice"),
    ],
)
def test_columns_that_are_missing_or_there_twice_are_named(header: str, told: str) -> None:
    with pytest.raises(NotOnlineRetailError, match=told):
        read([header, GOOD])


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2010-12-01 08:26:00", MORNING),
        ("2010-12-01T08:26", MORNING),
        ("2010/12/01 8:26", MORNING),
        ("2010-12-01T08:26:30.123456Z", MORNING + timedelta(seconds=30)),
        ("2010-12-01 09:26:00+01:00", MORNING),
        ("2010-12-01T00:26:00-0800", MORNING),
        ("01-12-2010 08:26", MORNING),
        ("01.12.2010 08:26:00", MORNING),
        ("12/1/10 8:26", MORNING),
        ("12/1/2010 8:26", MORNING),
        ("12/1/2010 8:26:00 AM", MORNING),
        ("12/1/2010 8:26 p.m.", MORNING + timedelta(hours=12)),
        ("12/1/2010 12:26 AM", MORNING - timedelta(hours=8)),
        ("12/1/2010, 8:26", MORNING),
        ("12/25/99 8:26", datetime(1999, 12, 25, 8, 26, tzinfo=UTC)),
    ],
)
def test_a_date_is_read(text: str, moment: datetime) -> None:
    line = only(row(date=text))
    assert (line.moment, line.minute) == (moment, moment.replace(second=0))


@pytest.mark.parametrize(
    "text",
    [
        "12/1/0210 8:26",
        "12/1/0010 8:26",
        "12/1/70 8:26",
        "12/1/210 8:26",
        "01-12-10 08:26",
        "1/12/2999 8:26",
        "2/30/11 8:26",
        "13/13/2010 8:26",
        "12/1/10 24:00",
        "12/1/10 8:60",
        "12/1/10 13:26 PM",
        "12/1/10 8",
        "12/1/10",
        "2010-12-01",
        "2010-12/01 08:26",
        "40513.3513888889",
        "20101201082600",
        "1 December 2010 08:26",
        "NaT",
        "",
    ],
)
def test_what_is_no_date_of_a_sale_is_a_bad_date(text: str) -> None:
    assert reasons(row(date=text)) == {Reason.BAD_DATE: 1}


@pytest.mark.parametrize(
    ("texts", "days"),
    [
        (["01/12/2010 08:26", "18/01/2011 08:26"], ["2010-12-01", "2011-01-18"]),
        (["18/01/2011 08:26", "1/12/10 08:26"], ["2011-01-18", "2010-12-01"]),
        (["01/12/2010 08:26", "01/18/2011 08:26"], ["2010-01-12", "2011-01-18"]),
        (["01-12-2010 08:26", "01-18-2011 08:26"], ["2010-01-12", "2011-01-18"]),
        (["12/12/2010 08:26", "2010-12-01 08:26"], ["2010-12-12", "2010-12-01"]),
    ],
)
def test_the_day_that_decides_decides_for_the_whole_file(texts: list[str], days: list[str]) -> None:
    made = planned(*(row(str(number), date=text) for number, text in enumerate(texts)))
    assert [str(order.finished.date()) for order in made.orders] == days


@pytest.mark.parametrize(
    "texts",
    [
        ["01/12/2010 08:26"],
        ["01/12/2010 08:26", "02/12/2010 08:26"],
        ["12/11/2010 10:26"],
        ["1/12/2010 08:26", "02-12-2010 08:26"],
        ["18/01/2011 08:26", "01/18/2011 08:26"],
    ],
)
def test_dates_that_can_be_read_in_two_ways_are_refused_until_it_is_said_how(texts: list[str]) -> None:
    rows = [row(str(number), date=text) for number, text in enumerate(texts)]
    with pytest.raises(AmbiguousDatesError, match="DATES=dmy or DATES=mdy"):
        planned(*rows)
    assert planned(*rows, dates=Dates.DMY).orders != planned(*rows, dates=Dates.MDY).orders


def test_what_does_not_fit_the_way_that_was_said_is_a_bad_date() -> None:
    rows = (row("1", date="18/01/2011 08:26"), row("2", date="01/18/2011 08:26"), row("3", date="2011-01-18 08:26"))
    for dates, orders in ((Dates.DMY, ["1", "3"]), (Dates.MDY, ["2", "3"]), (Dates.ISO, ["3"])):
        made = planned(*rows, dates=dates)
        assert [order.id for order in made.orders] == orders
        assert {line.reason for line in made.rejected} == {Reason.BAD_DATE}
    assert only(row(date="01-12-10 08:26"), dates=Dates.DMY).moment == MORNING


@pytest.mark.parametrize(
    ("column", "text", "kept"),
    [
        ("who", "12345.0", "12345"),
        ("who", "12345.00", "12345"),
        ("who", "12,345", "12345"),
        ("who", "nan", "guest"),
        ("who", "NULL", "guest"),
        ("who", "O.K. 7.5", "O.K. 7.5"),
        ("who", "हिन्दी", "हिन्दी"),
        ("who", "Jose\u0301", "José"),
        ("invoice", "536365.0", "536365"),
        ("invoice", "c536379", "C536379"),
        ("invoice", "C536379.0", "C536379"),
        ("sku", "22139.0", "22139"),
        ("sku", "85123a", "85123a"),
        ("sku", "15056E5", "15056E5"),
    ],
)
def test_an_id_is_what_it_was_before_a_spreadsheet_took_it_for_a_number(column: str, text: str, kept: str) -> None:
    line = only(row(**{column: text}))
    assert {"who": line.customer, "invoice": line.invoice, "sku": line.sku}[column] == kept


@pytest.mark.parametrize(
    ("column", "reason"),
    [("invoice", Reason.BAD_INVOICE), ("sku", Reason.BAD_STOCK_CODE), ("who", Reason.BAD_CUSTOMER)],
)
@pytest.mark.parametrize("text", ["8.50E+04", "5.36E+05", "1.2E5", "1e+05", "8.5e-4"])
def test_an_id_whose_digits_are_lost_is_refused(column: str, reason: Reason, text: str) -> None:
    assert reasons(row(**{column: text})) == {reason: 1}


def test_two_writings_of_a_customer_are_one_customer() -> None:
    assert {order.customer for order in planned(row("1", who="12345"), row("2", who="12345.0")).orders} == {"12345"}


@pytest.mark.parametrize(
    ("others", "text", "price"),
    [
        ("2.55", "£2.55", "2.55"),
        ("2.55", "2.55 €", "2.55"),
        ("2.55", "USD 2.55", "2.55"),
        ("2.55", "1,234.50", "1234.50"),
        ("2.55", "1,234", "1234"),
        ("2.55", "1.234", "1.234"),
        ("2.55", "1 234.50", "1234.50"),
        ("2.55", "2,55", "2.55"),
        ("2,55", "1.234,50", "1234.50"),
        ("2,55", "1.234", "1234"),
        ("2,55", "1,234", "1.234"),
        ("2,55", "7", "7"),
        ("3", "2.001", "2.001"),
        ("3", "0,125", "0.125"),
        ("3", "1,234,567", "1234567"),
    ],
)
def test_a_price_is_read_as_the_whole_file_writes_prices(others: str, text: str, price: str) -> None:
    entries = read([HEADER, row("1", price=others), row("2", price=text)]).entries
    (found,) = [format(entry.price, "f") for entry in entries if isinstance(entry, Line) and entry.invoice == "2"]
    assert found == price


@pytest.mark.parametrize(
    ("column", "text", "reason"),
    [
        ("price", "1,234", Reason.BAD_PRICE),
        ("price", "2.5.5", Reason.BAD_PRICE),
        ("price", "1,23,4", Reason.BAD_PRICE),
        ("price", "12,34.5", Reason.BAD_PRICE),
        ("price", "4.249999999999999", Reason.BAD_PRICE),
        ("price", "nan", Reason.BAD_PRICE),
        ("price", "£", Reason.BAD_PRICE),
        ("price", "-£2.55", Reason.PRICE),
        ("price", "(2.55)", Reason.PRICE),
        ("quantity", "(6)", Reason.QUANTITY),
        ("quantity", "1e3", Reason.BAD_QUANTITY),
        ("quantity", "6.5", Reason.BAD_QUANTITY),
        ("quantity", "1000001", Reason.BAD_QUANTITY),
    ],
)
def test_a_number_that_is_none_or_two_is_refused(column: str, text: str, reason: Reason) -> None:
    assert reasons(row(**{"price": "3", column: text})) == {reason: 1}


@pytest.mark.parametrize(("text", "pieces"), [("6.0", 6), ("1,000", 1000), ("1 000", 1000), ("1,000.0", 1000)])
def test_a_quantity_is_read(text: str, pieces: int) -> None:
    assert only(row(quantity=text)).quantity == pieces


def test_a_description_over_several_lines_is_one_line() -> None:
    end = 'LINES",6,12/1/10 8:26,2.55,7,UK'
    made = planned('1,A,"TWO', end, '2,A,"THREE', "", end, row("3"))
    assert [order.id for order in made.orders] == ["1", "2", "3"]
    assert (made.lines_read, made.reading.continued, made.rejected) == (3, 3, ())


def test_a_quote_that_is_never_closed_costs_its_own_line_only() -> None:
    made = planned(row("1"), '2,A,"TORN,6,12/1/10 8:26,2.55,7,UK', row("3"), row("4", sku='24"'), row("5"))
    assert [order.id for order in made.orders] == ["1", "3", "4", "5"]
    assert made.rejected == (Rejected(3, "", Reason.WRONG_COLUMNS),)


def test_blank_lines_totals_and_a_second_header_are_distinguished_from_sales() -> None:
    lines = [GOOD, "", ",,,,,,,", "TOTAL,,,6,,15.30,,", "Grand Total,,,,,15.30,,", HEADER]
    assert reasons(*lines) == {
        Reason.BLANK: 2,
        Reason.BAD_STOCK_CODE: 1,
        Reason.BAD_INVOICE: 1,
        Reason.BAD_QUANTITY: 1,
    }


def test_what_pandas_exports_is_read() -> None:
    sale = "0,536365,85123A,WHITE HEART,6,2010-12-01 08:26:00,2.55,17850.0,UK"
    made = plan(read([f",{HEADER}", sale, "1,536414,22139,,56,2010-12-01 11:52:00,0.0,,UK"]))
    assert made.dates is Dates.ISO
    assert [(order.id, order.customer, order.total) for order in made.orders] == [("536365", "17850", Decimal("15.30"))]
    assert [(line.number, line.reason) for line in made.rejected] == [(3, Reason.PRICE)]


CELLS = st.one_of(
    st.sampled_from(["1", "c2", "C2", "2.0", "A", "6", "-6", "1,5", "1.234", "2010-12-01 08:26", "12/1/10 8:26"]),
    st.sampled_from(["nan", "", "7", "7.0", '"', '"x', 'x"', '"a;b"', "£1", "1E+05", "18/01/2011 8:26", "x\ny"]),
    st.text(st.characters(codec="utf-8"), max_size=5),
)
FILES = st.tuples(
    st.sampled_from([HEADER, f",{HEADER}", HEADER.lower()]),
    st.lists(st.lists(CELLS, min_size=7, max_size=9), max_size=12),
    st.sampled_from(",;\t"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)


@given(FILES)
def test_every_line_of_any_file_is_accounted_for(file: tuple[str, list[list[str]], str, str]) -> None:
    header, rows, separator, encoding = file
    lines = [header.replace(",", separator), *(separator.join(cells) for cells in rows), ""]
    text = decoded("\n".join(lines).encode(encoding))
    try:
        made = plan(read([text]))
    except AmbiguousDatesError:
        return
    assert made.lines_read == made.accepted + len(made.rejected) + made.credited
    assert made.lines_read + made.reading.continued == len(list(io.StringIO(text, newline=None))) - 1
    numbers = [line.number for order in made.orders for line in order.lines] + [line.number for line in made.rejected]
    assert len(numbers) == len(set(numbers)) == made.lines_read - made.credited
