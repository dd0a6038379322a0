"""Journals at random, as text: many commodities, costs, virtual postings, decimals and names at the edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from hypothesis import strategies as st

FIRST = date(2026, 1, 1)
DAYS = 40


@dataclass(frozen=True)
class Unit:
    """A commodity as a journal writes it: symbol, decimals shown, decimal mark, on which side the symbol stands."""

    symbol: str
    decimals: int
    mark: str = "."
    left: bool = False

    def amount(self, value: Decimal) -> str:
        """An amount with at least the decimals of the commodity."""
        text = f"{value:f}"
        decimals = -int(value.as_tuple().exponent)
        if decimals < self.decimals:
            text = f"{value:.{self.decimals}f}"
        text = text.replace(".", self.mark)
        return f"{self.symbol}{text}" if self.left else f"{text} {self.symbol}".rstrip()


UNITS = (
    Unit("$", 2, left=True),
    Unit("EUR", 2, ","),
    Unit("USD", 2),
    Unit("€", 2),
    Unit("h", 1),
    Unit("BTC", 8),
    Unit('"gold bars"', 0),
    Unit("JPY", 0),
    Unit('"0x24"', 3),
    Unit("", 2),
)
ACCOUNTS = (
    "assets:bank:Checking Account",
    "assets:bank",
    "assets",
    "Assets:bank",
    "asset:cash/box",
    "liabilities:card.visa",
    "liability",
    "income:salary",
    "revenues:sales",
    "expenses:épicerie:日本",
    "expenses:a_b",
    "expenses:a b",
    "equity:opening/closing balances",
    "other:x_20y",
    "other:x y",
)


COMMENTS = (*[""] * 8, "  ; date:2026-01-19", "  ; [1/21]", "  ; some date: 2026/2/3, mydate:1/1", "  ; Date:1/1, [1/1")
"""Of a posting: most have none, some give it a date of its own."""


def _decimals(unit: Unit) -> st.SearchStrategy[Decimal]:
    most = 10**9
    return st.integers(-most, most).filter(bool).map(lambda n: Decimal(n).scaleb(-unit.decimals))


@st.composite
def _plain(draw: st.DrawFn) -> list[str]:
    unit = draw(st.sampled_from(UNITS))
    amounts = draw(st.lists(_decimals(unit), min_size=1, max_size=4))
    names = draw(st.lists(st.sampled_from(ACCOUNTS), min_size=len(amounts) + 1, max_size=len(amounts) + 1))
    last = draw(st.sampled_from(["", unit.amount(-sum(amounts, Decimal()))]))
    return [f"{name}  {text}" for name, text in zip(names, [*map(unit.amount, amounts), last], strict=True)]


@st.composite
def _cost(draw: st.DrawFn) -> list[str]:
    """What is bought costs something in another commodity: exactly, left to hledger, or rounded as it shows amounts."""
    bought, paid = draw(st.lists(st.sampled_from(UNITS[:-1]), min_size=2, max_size=2, unique=True))
    quantity = draw(_decimals(bought))
    price = abs(draw(_decimals(paid))) + Decimal(draw(st.integers(0, 999999))).scaleb(-6)
    each = draw(st.booleans())
    total = quantity * price if each else price.copy_sign(quantity)
    sign = "@" if each else "@@"
    rounded = round(total, paid.decimals)
    answer = draw(st.sampled_from(["", paid.amount(-rounded)])) if rounded else ""
    asset, cash = draw(st.lists(st.sampled_from(ACCOUNTS), min_size=2, max_size=2))
    return [f"{asset}  {bought.amount(quantity)} {sign} {paid.amount(price)}", f"{cash}  {answer}"]


@st.composite
def _inferred_cost(draw: st.DrawFn) -> list[str]:
    one, other = draw(st.lists(st.sampled_from(UNITS[:-1]), min_size=2, max_size=2, unique=True))
    amounts = draw(st.lists(_decimals(one).map(abs), min_size=1, max_size=3))
    against = -abs(draw(_decimals(other)))
    lines = [f"{draw(st.sampled_from(ACCOUNTS))}  {one.amount(amount)}" for amount in amounts]
    return [*lines, f"{draw(st.sampled_from(ACCOUNTS))}  {other.amount(against)}"]


@st.composite
def _virtual(draw: st.DrawFn) -> list[str]:
    unit = draw(st.sampled_from(UNITS))
    amount, other = draw(_decimals(unit)), draw(_decimals(unit))
    one, two = draw(st.lists(st.sampled_from(ACCOUNTS), min_size=2, max_size=2))
    return [f"({one})  {unit.amount(amount)}", f"[{one}]  {unit.amount(other)}", f"[{two}]"]


@st.composite
def _transaction(draw: st.DrawFn) -> str:
    day = FIRST + timedelta(days=draw(st.integers(0, DAYS - 1)))
    head = draw(st.sampled_from(["x", "rent | flat", '* (c1) say "hi", twice', "! épicerie  ; a comment", "=x"]))
    lines = draw(st.one_of(_plain(), _cost(), _inferred_cost(), _virtual()))
    dates = draw(st.lists(st.sampled_from(COMMENTS), min_size=len(lines), max_size=len(lines)))
    return "\n".join([f"{day} {head}", *(f"    {line}{each}" for line, each in zip(lines, dates, strict=True))])


def directives(units: Sequence[Unit] = UNITS) -> str:
    """How each commodity is shown."""
    return "\n".join(f"commodity {_styled(unit)}" for unit in units)


def _styled(unit: Unit) -> str:
    number = f"1000{unit.mark}{'0' * unit.decimals}"
    return f"{unit.symbol}{number}" if unit.left else f"{number} {unit.symbol}".rstrip()


journals = st.lists(_transaction(), min_size=1, max_size=12).map(
    lambda transactions: "\n\n".join([directives(), *transactions, ""])
)


def large(transactions: int) -> str:
    """A journal of that many transactions over 100 accounts of all types in six commodities."""
    rng = Random(transactions)
    tops = ("assets", "liabilities", "equity", "income", "expenses")
    names = [f"{tops[n % 5]}:group {n // 5}:account {n}" for n in range(100)]
    return "\n".join([directives(), *(_drawn(rng, names, n) for n in range(transactions)), ""])


def _drawn(rng: Random, names: Sequence[str], number: int) -> str:
    unit = rng.choice(UNITS[:6])
    amounts = [Decimal(rng.randint(1, 10**7)).scaleb(-unit.decimals) for _ in range(rng.randint(1, 5))]
    accounts = rng.sample(names, len(amounts) + 1)
    lines = [f"    {name}  {unit.amount(amount)}" for name, amount in zip(accounts, amounts, strict=False)]
    day = FIRST + timedelta(days=rng.randrange(365))
    return "\n".join([f"{day} transaction {number % 400}", *lines, f"    {accounts[-1]}", ""])
