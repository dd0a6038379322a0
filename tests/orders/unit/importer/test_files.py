"""Whole files: the plan agrees, to the penny, with sums made another way."""

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from tests.orders.unit.importer.files import SAMPLE, chosen, real_file
from tests.orders.unit.importer.independent import Independent

from orders.tools.importer.planning import Plan, plan
from orders.tools.importer.reading import read_file
from orders.tools.importer.report import Report, report


@pytest.fixture(scope="module", params=["sample", "real"])
def file(request: pytest.FixtureRequest) -> Path:
    """Each file in turn."""
    return chosen(request.param)


@pytest.fixture(scope="module")
def sums(file: Path) -> Iterator[Independent]:
    """The file, summed up another way."""
    with closing(Independent(file)) as sums:
        yield sums


def planned(file: Path) -> Plan:
    return plan(read_file(file))


def reported(file: Path) -> Report:
    return report(planned(file), ())


def test_every_line_is_accounted_for(file: Path) -> None:
    made = planned(file)
    lines = len(file.read_text(encoding="utf-8").splitlines()) - 1
    assert made.lines_read == lines == made.accepted + len(made.rejected) + made.credited


def test_lines_and_orders_agree(file: Path, sums: Independent) -> None:
    made = planned(file)
    assert made.accepted == sums.number("SELECT count(*) FROM sale")
    assert made.credited == sums.number("SELECT count(*) FROM line WHERE invoice LIKE 'C%'")
    assert len(made.orders) == sums.number("SELECT count(*) FROM invoice")
    assert len(made.unmatched) + len(made.partial) == sums.number("SELECT count(*) FROM note") - sums.number(
        "SELECT count(*) FROM cancelled"
    )


def test_the_lines_of_later_minutes_agree(file: Path, sums: Independent) -> None:
    later = "SELECT count(*) FROM sale JOIN invoice USING (invoice) WHERE sale.minute > invoice.created"
    assert sum(len(order.added) for order in planned(file).orders) == sums.number(later)


def test_the_same_orders_are_cancelled_by_the_same_notes(file: Path, sums: Independent) -> None:
    cancelled = {order.id: order.note.id for order in planned(file).orders if order.note}
    assert cancelled == sums.cancelled()


def test_each_day_agrees_to_the_penny(file: Path, sums: Independent) -> None:
    days = {str(day.day): (day.orders, day.gross, day.cancelled, day.net) for day in reported(file).days}
    assert days == {
        day: (sold.orders, money(sold.gross), money(sold.refunded), money(sold.gross - sold.refunded))
        for day, sold in sums.daily().items()
    }


def test_each_customer_agrees_to_the_penny(file: Path, sums: Independent) -> None:
    spent: dict[str, Decimal] = {}
    for order in planned(file).orders:
        spent[order.customer] = spent.get(order.customer, Decimal(0)) + order.total
    assert spent == {customer: money(sold.gross) for customer, sold in sums.customers().items()}


def money(ten_thousandths: int) -> Decimal:
    return Decimal(ten_thousandths).scaleb(-4)


def test_the_sample_is_dirty_in_every_way() -> None:
    report = reported(SAMPLE)
    assert report.rejected == {
        "adjustment, not a sale": 2,
        "bad date": 1,
        "bad quantity": 1,
        "price not positive": 2,
        "quantity not positive": 3,
        "wrong number of columns": 1,
    }
    assert (report.lines_read, report.accepted, report.credited) == (68, 40, 18)
    assert (report.orders, report.matched, report.partial) == (17, 6, ["C900030"])
    assert report.unmatched == ["C900010", "C900014", "C900028"]
    assert (report.gross, report.cancelled, report.net) == (Decimal("901.84"), Decimal("245.56"), Decimal("656.28"))


def test_the_real_week_has_its_known_figures() -> None:
    report = reported(real_file())
    assert report.rejected == {"quantity not positive": 45, "price not positive": 79}
    assert (report.lines_read, report.accepted, report.credited) == (14_594, 14_296, 174)
    assert (report.orders, len(report.without_order), report.matched, len(report.unmatched)) == (563, 66, 2, 56)
    assert len(report.partial) == 12
    assert (report.gross, report.cancelled) == (Decimal("258154.28"), Decimal("318.40"))
