"""Sends a planned journal: accounts first, then transfers, several at a time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from banyan_tools.importing import ApiError, several_at_a_time
from ledger.tools.importer.api import AccountBalance, LedgerApi
from ledger.tools.importer.names import JournalAccount
from ledger.tools.importer.planning import JournalPlan, JournalTransfer, scale_of

Step = Callable[[int], None]


class Came(StrEnum):
    """What became of an account or a transfer."""

    NOW = "now"
    BEFORE = "before"
    WAITING = "waiting"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class SentAccount:
    """An account, and why it was refused if it was."""

    account: JournalAccount
    came: Came
    code: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SentTransfer:
    """A transfer, and why it was refused if it was. `late_for`: its day, whose period was closed."""

    transfer: JournalTransfer
    came: Came
    code: str = ""
    detail: str = ""
    late_for: date | None = None


@dataclass(slots=True)
class Sent:
    """What became of a journal. `known`: accounts that were there before, by id."""

    known: Mapping[str, AccountBalance] = field(default_factory=dict)
    accounts: Sequence[SentAccount] = ()
    transfers: Sequence[SentTransfer] = field(default_factory=tuple)


def send_journal(
    api: LedgerApi, planned: JournalPlan, *, workers: int, least_scale: int = 0, done: Step = lambda _: None
) -> Sent:
    """Open what is not open, post what is not posted; `done` is called with a count of what was dealt with.

    An account or a transfer that is refused stops no other, except the transfers of a refused account.

    Raises
    ------
    ApiError
        When accounts or transfers cannot be listed.
    """
    known = {each.account_id: each for each in api.accounts()}
    decimals = planned.decimals
    accounts = several_at_a_time(
        lambda each: _open(api, each, known, scale_of(each, decimals[each.commodity], least_scale)),
        planned.accounts,
        workers=workers,
        done=lambda _: done(1),
    )
    states = {each.account: each for each in accounts}
    there = _there(api, planned.transfers) if any(each.came is Came.BEFORE for each in accounts) else set()
    transfers = several_at_a_time(
        lambda each: SentTransfer(each, Came.BEFORE) if each.id in there else _post(api, each, states),
        planned.transfers,
        workers=workers,
        done=lambda _: done(1),
    )
    return Sent(known, accounts, transfers)


def _open(
    api: LedgerApi, account: JournalAccount, known: Mapping[str, AccountBalance], scale: int | None
) -> SentAccount:
    there = known.get(account.id)
    if there and (there.name, there.type) == (account.name, account.type):
        return SentAccount(account, Came.BEFORE)
    try:
        return SentAccount(account, Came.BEFORE if api.open(account, scale) else Came.NOW)
    except ApiError as error:
        return SentAccount(account, Came.REFUSED, error.code, error.detail)


def _post(api: LedgerApi, transfer: JournalTransfer, states: Mapping[JournalAccount, SentAccount]) -> SentTransfer:
    accounts = [states[posting.account] for posting in transfer.postings]
    refused = [each for each in accounts if each.came is Came.REFUSED]
    if refused:
        return SentTransfer(transfer, Came.REFUSED, refused[0].code, f"{refused[0].account.name} could not be opened")
    try:
        answer = api.post(transfer)
    except ApiError as error:
        return SentTransfer(transfer, Came.REFUSED, error.code, error.detail)
    came = Came.NOW if answer.status == "posted" else Came.WAITING
    return SentTransfer(transfer, Came.BEFORE if answer.replayed else came, late_for=answer.late_for)


def _there(api: LedgerApi, transfers: Iterable[JournalTransfer]) -> set[str]:
    return set(api.posted_since(min(each.day for each in transfers)))
