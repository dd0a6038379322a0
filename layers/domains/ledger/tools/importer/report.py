"""The figures of an import, as one model: printed as tables, or as JSON."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from ledger.tools.importer.names import JournalAccount, currency_of
from ledger.tools.importer.planning import EXTRA, JournalPlan
from ledger.tools.importer.sending import Came, Sent, SentAccount, SentTransfer
from ledger.tools.importer.splitting import JournalPosting, text_of


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True)


class AccountCounts(_Model):
    """Accounts by what became of them."""

    opened: int
    existing: int
    refused: int


class TransferCounts(_Model):
    """Transfers by what became of them; `waiting` ones are above a limit until another person approves them."""

    posted: int
    already_there: int
    waiting: int
    refused: int


class RefusedAccount(_Model):
    """An account that could not be opened."""

    name: str
    commodity: str
    code: str
    detail: str


class RejectedTransaction(_Model):
    """A transaction, or a part of one, that is not in the ledger. `line` of the file, where that is known."""

    txnidx: str
    date: str
    description: str
    line: int | None = None
    transfer_id: str | None = None
    code: str
    detail: str


class LateTransfer(_Model):
    """A transfer whose period was closed."""

    txnidx: str
    transfer_id: str
    late_for: date


class CommodityTotal(_Model):
    """A commodity, its currency in the ledger, and the sum of all debits of the journal."""

    commodity: str
    currency: str
    accounts: int
    transfers: int
    debits: str


class ExtraAccount(_Model):
    """An account that hledger does not have."""

    account_id: str
    name: str
    currency: str
    balance: str


class JournalReport(_Model):
    """Figures of the journal and of the sending.

    `without_effect` counts transactions that move nothing. `rounded`, `split`: the `txnidx` of those with a posting to
    `equity:rounding`, and of those that became several transfers.
    """

    transactions: int
    without_effect: int
    accounts: AccountCounts
    transfers: TransferCounts
    rounded: list[str]
    split: list[str]
    late: list[LateTransfer]
    commodities: list[CommodityTotal]
    extra_accounts: list[ExtraAccount]
    refused_accounts: list[RefusedAccount]
    rejected: list[RejectedTransaction]

    @property
    def is_complete(self) -> bool:
        """Whether all of the journal is in the ledger."""
        return not (self.rejected or self.refused_accounts or self.transfers.waiting)


def journal_report(planned: JournalPlan, sent: Sent) -> JournalReport:
    """Add up what was planned and what came of it."""
    accounts = Counter(each.came for each in sent.accounts)
    transfers = Counter(each.came for each in sent.transfers)
    return JournalReport(
        transactions=planned.transactions,
        without_effect=planned.without_effect,
        accounts=AccountCounts(
            opened=accounts[Came.NOW], existing=accounts[Came.BEFORE], refused=accounts[Came.REFUSED]
        ),
        transfers=TransferCounts(
            posted=transfers[Came.NOW],
            already_there=transfers[Came.BEFORE],
            waiting=transfers[Came.WAITING],
            refused=transfers[Came.REFUSED],
        ),
        rounded=planned.rounded,
        split=planned.split,
        late=[_late(each, each.late_for) for each in sent.transfers if each.late_for],
        commodities=list(_totals(planned)),
        extra_accounts=list(_extra(planned)),
        refused_accounts=[_refused(each) for each in sent.accounts if each.came is Came.REFUSED],
        rejected=[*_rejected(planned), *map(_failed, (t for t in sent.transfers if t.came is Came.REFUSED))],
    )


def _rejected(planned: JournalPlan) -> Iterator[RejectedTransaction]:
    for each in planned.rejections:
        yield RejectedTransaction(
            txnidx=each.index,
            date=each.day,
            description=each.description,
            line=each.line,
            code=each.code,
            detail=each.detail,
        )


def _failed(sent: SentTransfer) -> RejectedTransaction:
    transfer = sent.transfer
    return RejectedTransaction(
        txnidx=transfer.index,
        date=transfer.day,
        description=transfer.description,
        transfer_id=transfer.id,
        code=sent.code,
        detail=sent.detail,
    )


def _refused(sent: SentAccount) -> RefusedAccount:
    account = sent.account
    return RefusedAccount(name=account.name, commodity=account.commodity, code=sent.code, detail=sent.detail)


def _late(sent: SentTransfer, day: date) -> LateTransfer:
    return LateTransfer(txnidx=sent.transfer.index, transfer_id=sent.transfer.id, late_for=day)


def _totals(planned: JournalPlan) -> Iterator[CommodityTotal]:
    accounts = Counter(account.commodity for account in planned.accounts)
    debits, transfers = Counter[str](), Counter[str]()
    for transfer in planned.transfers:
        transfers.update({posting.account.commodity for posting in transfer.postings})
        for posting in transfer.postings:
            debits[posting.account.commodity] += max(posting.amount, 0)
    for name in sorted(accounts):
        yield CommodityTotal(
            commodity=name,
            currency=currency_of(name),
            accounts=accounts[name],
            transfers=transfers[name],
            debits=text_of(debits[name]),
        )


def _extra(planned: JournalPlan) -> Iterator[ExtraAccount]:
    for account, balance in _balances(planned).items():
        if account.name in EXTRA:
            yield ExtraAccount(
                account_id=account.id, name=account.name, currency=account.currency, balance=text_of(balance)
            )


def _balances(planned: JournalPlan) -> Counter[JournalAccount]:
    postings: Iterable[JournalPosting] = (each for transfer in planned.transfers for each in transfer.postings)
    sums: Counter[JournalAccount] = Counter()
    for posting in postings:
        sums[posting.account] += posting.amount
    return sums
