"""Whatever a file holds, each of its lines is accounted for, and each amount once."""

import io
from collections import Counter
from collections.abc import Sequence

from hypothesis import example, given
from hypothesis import strategies as st

from orders.tools.importer.planning import Plan, plan
from orders.tools.importer.reading import HEADER, Line, read

_INVOICES = st.sampled_from(["1", "2", "3", "C4", "C5", "A6", "", "7/8"])
_NUMBERS = st.one_of(st.integers(-2, 9).map(str), st.sampled_from(["", "x", "1.5", "0.001", "1e9"]))
_DATES = st.sampled_from(["12/1/10 8:00", "12/1/10 8:01", "12/2/10 8:00", "2010-12-01"])
_FIELDS = st.tuples(
    _INVOICES,
    st.sampled_from(["A", "B", "BANK CHARGES", ""]),
    st.sampled_from(["plain", '"a, b"', '"torn']),
    _NUMBERS,
    _DATES,
    _NUMBERS,
    st.sampled_from(["7", "8", "", "guest"]),
    st.just("France"),
)
_LINES = st.one_of(_FIELDS.map(",".join), _FIELDS.map(",".join), st.text(max_size=40))
_FILES = st.lists(_LINES, max_size=30)


def planned(lines: Sequence[str]) -> Plan:
    return plan(read([HEADER, *lines]))


@given(_FILES)
@example(["\n"])
def test_accepted_rejected_and_credited_lines_are_the_lines_read(lines: list[str]) -> None:
    text = "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
    made, physical = planned(lines), len(list(io.StringIO(text, newline=None)))
    assert made.lines_read == made.accepted + len(made.rejected) + made.credited
    assert made.lines_read + made.reading.continued == physical


@given(_FILES)
def test_a_line_is_placed_once(lines: list[str]) -> None:
    made = planned(lines)
    placed = [line.number for order in made.orders for line in order.lines]
    placed += [rejected.number for rejected in made.rejected]
    assert len(placed) == len(set(placed)) == made.lines_read - made.credited


@given(_FILES)
def test_the_orders_are_worth_what_their_lines_are(lines: list[str]) -> None:
    made = planned(lines)
    rejected = {line.number for line in made.rejected}
    sales = [entry for entry in made.reading.entries if isinstance(entry, Line) and not entry.is_credit]
    worth = sum(line.amount for line in sales if line.number not in rejected)
    assert sum(order.total for order in made.orders) == worth


@given(_FILES)
def test_a_credit_note_cancels_one_order_or_none(lines: list[str]) -> None:
    made = planned(lines)
    notes = [note.id for note in made.notes]
    assert len(notes) == len(set(notes))
    assert all(order.note.customer == order.customer for order in made.orders if order.note)


@given(_FILES.flatmap(lambda lines: st.tuples(st.just(lines), st.permutations(lines))))
def test_the_place_of_a_line_decides_neither_its_acceptance_nor_its_worth(files: Sequence[list[str]]) -> None:
    first, shuffled = map(planned, files)
    assert first.accepted == shuffled.accepted
    assert Counter(line.reason for line in first.rejected) == Counter(line.reason for line in shuffled.rejected)
    assert sum(order.total for order in first.orders) == sum(order.total for order in shuffled.orders)
