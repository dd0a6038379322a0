"""Divides a transaction with more postings than a transfer may have into transfers that each balance."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.amounts import Amount
from ledger.tools.importer.names import JournalAccount

MOST: Final = 50


@dataclass(frozen=True, slots=True)
class JournalPosting:
    """An amount of an account, in 10^-12 of its commodity."""

    account: JournalAccount
    amount: int

    @property
    def text(self) -> str:
        """Its amount as the API takes it."""
        return text_of(self.amount)


def text_of(amount: int) -> str:
    """An amount in 10^-12 as text."""
    return Amount(amount).text()


@dataclass(frozen=True, slots=True)
class _Move:
    debited: JournalAccount
    credited: JournalAccount
    amount: int


def divided(postings: Sequence[JournalPosting]) -> tuple[tuple[JournalPosting, ...], ...]:
    """The postings as they are if they are few enough; else added up for each account; else in several parts.

    Each part balances in each commodity. A posting is divided between parts only where no other one is its opposite.
    """
    if len(postings) <= MOST:
        return (ordered(postings),) if postings else ()
    sums = summed(postings)
    if len(sums) <= MOST:
        return (ordered(sums),) if sums else ()
    return tuple(_packed(_moves(sums)))


def summed(postings: Iterable[JournalPosting]) -> tuple[JournalPosting, ...]:
    """One posting for each account, none of nothing."""
    sums: Counter[JournalAccount] = Counter()
    for posting in postings:
        sums[posting.account] += posting.amount
    return _postings(sums)


def ordered(postings: Iterable[JournalPosting]) -> tuple[JournalPosting, ...]:
    """Debits first, then by name: equal postings in one order, whatever that of the journal is."""
    return tuple(
        sorted(postings, key=lambda each: (each.amount < 0, each.account.name, each.account.commodity, each.amount))
    )


def _moves(sums: Iterable[JournalPosting]) -> Iterator[_Move]:
    by_commodity: defaultdict[str, list[JournalPosting]] = defaultdict(list)
    for posting in ordered(sums):
        by_commodity[posting.account.commodity].append(posting)
    for same in by_commodity.values():
        opposites = list(_opposites(same))
        yield from opposites
        matched = {account for move in opposites for account in (move.debited, move.credited)}
        yield from _matched([posting for posting in same if posting.account not in matched])


def _opposites(postings: Iterable[JournalPosting]) -> Iterator[_Move]:
    waiting: defaultdict[int, list[JournalAccount]] = defaultdict(list)
    for posting in postings:
        if posting.amount > 0:
            waiting[posting.amount].append(posting.account)
        elif waiting[-posting.amount]:
            yield _Move(waiting[-posting.amount].pop(0), posting.account, -posting.amount)


def _matched(postings: Sequence[JournalPosting]) -> Iterator[_Move]:
    """Let credits pay debits, both in their order, until all are used up."""
    debits = [posting for posting in postings if posting.amount > 0]
    credits = [posting for posting in postings if posting.amount < 0]
    while debits:
        debit, credit = debits.pop(0), credits.pop(0)
        moved = min(debit.amount, -credit.amount)
        yield _Move(debit.account, credit.account, moved)
        debits[:0] = _postings({debit.account: debit.amount - moved})
        credits[:0] = _postings({credit.account: credit.amount + moved})


def _packed(moves: Iterable[_Move]) -> Iterator[tuple[JournalPosting, ...]]:
    part: Counter[JournalAccount] = Counter()
    for move in moves:
        if len(part.keys() | {move.debited, move.credited}) > MOST:
            yield ordered(_postings(part))
            part = Counter()
        part[move.debited] += move.amount
        part[move.credited] -= move.amount
    if part:
        yield ordered(_postings(part))


def _postings(sums: Mapping[JournalAccount, int]) -> tuple[JournalPosting, ...]:
    return tuple(JournalPosting(account, amount) for account, amount in sums.items() if amount)
