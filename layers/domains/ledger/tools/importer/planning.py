"""What a journal becomes: accounts and transfers, and the transactions that are rejected, each with its reason.

A pure function of the text: the same transaction gets the same ids in every journal that holds it.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import sha256
from typing import Final

from banyan.text import composed, is_readable
from ledger.accounts.events import LONGEST_NAME
from ledger.amounts import DECIMALS, WHOLE_DIGITS, Amount
from ledger.currencies import usual_scale
from ledger.tools.importer.names import JournalAccount
from ledger.tools.importer.sheet import COMMAND, Entry, Kind, Line, entries
from ledger.tools.importer.splitting import JournalPosting, divided, text_of

ROUNDING: Final = "equity:rounding"
"""Takes what hledger lets pass, as it looks only at the decimals that it shows."""
VIRTUAL: Final = "equity:unbalanced virtual postings"
"""The other side of `(virtual)` postings, which have none in a journal."""
DAYS: Final = "equity:postings of other days"
"""Balances each day of a transaction whose postings have dates of their own."""
EXTRA: Final = frozenset({ROUNDING, VIRTUAL, DAYS})
_LONGEST_DESCRIPTION: Final = 500
_UNIT: Final = 10**DECIMALS
_LIMIT: Final = 10 ** (WHOLE_DIGITS + DECIMALS)


@dataclass(frozen=True, slots=True)
class JournalTransfer:
    """A transfer to be posted; `index` is the `txnidx` of its transaction."""

    id: str
    index: str
    day: str
    description: str
    postings: tuple[JournalPosting, ...]


Days = Mapping[str, Sequence[JournalPosting]]


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a transaction is not in the ledger as it is in the journal, with a stable code."""

    index: str
    line: int
    day: str
    description: str
    code: str
    detail: str


class RejectedError(Exception):
    """One transaction cannot be posted."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(slots=True)
class JournalPlan:
    """Accounts in the order in which they are first used; `decimals` that each commodity needs in the ledger.

    `without_effect` counts transactions that move nothing, `rounded` those with a posting to `equity:rounding`,
    `split` those that became several transfers.
    """

    transactions: int = 0
    transfers: list[JournalTransfer] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    without_effect: int = 0
    rounded: list[str] = field(default_factory=list)
    split: list[str] = field(default_factory=list)

    @property
    def accounts(self) -> tuple[JournalAccount, ...]:
        """All accounts that get a posting."""
        postings = (posting for transfer in self.transfers for posting in transfer.postings)
        return tuple(dict.fromkeys(posting.account for posting in postings))

    @property
    def decimals(self) -> Mapping[str, int]:
        """By commodity, the most that an amount has."""
        most: dict[str, int] = {}
        for transfer in self.transfers:
            for posting in transfer.postings:
                commodity = posting.account.commodity
                most[commodity] = max(most.get(commodity, 0), Amount(posting.amount).decimals)
        return most


def plan(text: str, journal: str = "") -> JournalPlan:
    """Plan the import of a CSV; `journal` sets its equal transactions apart from those of another one.

    Raises
    ------
    NotJournalError
        When the text is not such a CSV.
    """
    read = entries(text)
    precision = shown_decimals(line for entry in read for line in entry.lines)
    planned, seen = JournalPlan(len(read)), Counter[str]()
    for entry in read:
        try:
            days = _balanced(entry, precision)
        except RejectedError as error:
            rejection = Rejection(entry.index, entry.number, entry.day, entry.description, error.code, str(error))
            planned.rejections.append(rejection)
        else:
            _add(planned, entry, days, _id(entry, journal, seen))
    return planned


def scale_of(commodity: JournalAccount, decimals: int, least: int = 0) -> int | None:
    """The scale to ask for in the first account: none where the usual one suffices, else the most there is.

    What a cost comes to has ever more decimals, and a scale is settled once.
    """
    return None if max(decimals, least) <= usual_scale(commodity.currency) else DECIMALS


def shown_decimals(lines: Iterable[Line]) -> Mapping[str, int]:
    """By commodity, with how many decimals hledger shows it, which is how exactly transactions have to balance.

    It fills every amount up to that many, so what is printed with the fewest has just these. Postings that it generates
    for costs, and zeros, are printed as they come.
    """
    fewest: dict[str, int] = {}
    generated: dict[str, int] = {}
    for line in lines:
        decimals = line.amount.decimals
        if line.generated:
            generated[line.commodity] = max(decimals, generated.get(line.commodity, 0))
        elif line.amount.value:
            fewest[line.commodity] = min(decimals, fewest.get(line.commodity, decimals))
    return generated | fewest


def _balanced(entry: Entry, precision: Mapping[str, int]) -> Days:
    """The postings of each day, with those that a ledger needs to balance and a journal does not."""
    if entry.fault:
        raise RejectedError("unreadable", entry.fault)
    for kind in (Kind.REAL, Kind.BALANCED):
        _check_sums([line for line in entry.lines if line.kind is kind], precision)
    days = {day: _of_day(day, entry.lines) for day in sorted({entry.day, *(line.day for line in entry.lines)})}
    days[entry.day] += _opposite(ROUNDING, (posting for postings in days.values() for posting in postings))
    for postings in days.values():
        postings += _opposite(DAYS, tuple(postings))
    return {day: [posting for posting in postings if posting.amount] for day, postings in days.items()}


def _of_day(day: str, lines: Iterable[Line]) -> list[JournalPosting]:
    own = [(line.kind, _posting(line)) for line in lines if line.day == day]
    virtual = (posting for kind, posting in own if kind is Kind.UNBALANCED)
    return [*(posting for _, posting in own), *_opposite(VIRTUAL, virtual)]


def _check_sums(lines: Iterable[Line], precision: Mapping[str, int]) -> None:
    sums: defaultdict[str, Fraction] = defaultdict(Fraction)
    for line in lines:
        sums[line.commodity] += line.amount.value
    off = {name: amount for name, amount in sums.items() if abs(amount) * 2 > Fraction(1, 10 ** precision.get(name, 0))}
    if off:
        named = ", ".join(f"{text_of(round(amount * _UNIT))} {name}".strip() for name, amount in off.items())
        hint = f"; print costs as `{COMMAND}` does" if len(off) > 1 else ""
        raise RejectedError("unbalanced", f"it is off by {named}, more than hledger's rounding explains{hint}")


def _posting(line: Line) -> JournalPosting:
    if len(line.account) > LONGEST_NAME:
        raise RejectedError("name_too_long", f"an account's name has {len(line.account)} characters")
    if not is_readable(line.account):
        raise RejectedError("name_unreadable", f"{line.account!r} holds characters that are not shown")
    amount = round(line.amount.value * _UNIT)
    if abs(amount) >= _LIMIT:
        raise RejectedError("amount_too_large", f"an amount has more than {WHOLE_DIGITS} digits before the point")
    return JournalPosting(JournalAccount(line.account, line.commodity), amount)


def _opposite(name: str, postings: Iterable[JournalPosting]) -> Iterator[JournalPosting]:
    sums: Counter[str] = Counter()
    for posting in postings:
        sums[posting.account.commodity] += posting.amount
    return (JournalPosting(JournalAccount(name, commodity), -amount) for commodity, amount in sums.items() if amount)


def _add(planned: JournalPlan, entry: Entry, days: Days, id: str) -> None:
    parts = [(day, part) for day, postings in days.items() for part in divided(postings)]
    for number, (day, part) in enumerate(parts, start=1):
        name = f"{id}.{number}" if len(parts) > 1 else id
        planned.transfers.append(JournalTransfer(name, entry.index, day, _description(entry), part))
    planned.without_effect += not parts
    planned.split += [entry.index] if len(parts) > 1 else []
    planned.rounded += [entry.index] if _is_rounded(entry, days) else []


def _is_rounded(entry: Entry, days: Days) -> bool:
    printed = sum(line.account == ROUNDING for line in entry.lines if line.amount.value)
    return sum(posting.account.name == ROUNDING for day in days.values() for posting in day) > printed


def _id(entry: Entry, journal: str, seen: Counter[str]) -> str:
    """The same for the same transaction wherever it stands; equal ones are numbered."""
    lines = sorted(
        (line.day, line.account, line.commodity, line.kind, round(line.amount.value * _UNIT))
        for line in entry.lines
        if line.amount.value
    )
    content = json.dumps([journal, entry.day, entry.description, lines])
    digest = sha256(content.encode()).hexdigest()[:32]
    seen[digest] += 1
    return f"hl-{digest}" if seen[digest] == 1 else f"hl-{digest}-{seen[digest]}"


def _description(entry: Entry) -> str:
    whole = str(composed(entry.description))
    return "".join(c if is_readable(c) else " " for c in whole)[:_LONGEST_DESCRIPTION].strip()
