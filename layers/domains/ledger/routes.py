"""The HTTP routes of the ledger. Path parameters are spelled as in the API."""

# ruff: noqa: N803

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final

from aws_lambda_powertools.event_handler.openapi.params import Query

from banyan import CommandRejected
from banyan.answers import Answer
from banyan.http import CurrentCall, PageOrder, Replayable, ReplayableCall, Response, Router, merged, requires, tagged
from banyan.text import Day, Moment
from ledger.accounts.decider import Account, AccountCommand, CloseAccount, FreezeAccount, UnfreezeAccount
from ledger.accounts.events import AccountType
from ledger.accounts.opening import OpenAccount
from ledger.currencies import Currency
from ledger.messages import (
    AccountAnswer,
    AccountCommandAnswer,
    AccountPage,
    CurrencyTotals,
    DayOrMoment,
    GivenReason,
    Journal,
    JournalEntry,
    ListedAccount,
    ListedTransfer,
    NewAccount,
    NewTransfer,
    OptionalReason,
    PartToPost,
    PeriodAnswer,
    PeriodPage,
    PeriodState,
    StatementAnswer,
    StatementLine,
    TransferAnswer,
    TransferCommandAnswer,
    TransferPage,
    TrialBalance,
    account_balance,
    account_state,
    bookings,
    transfer_state,
)
from ledger.periods.decider import ClosePeriod, ReopenPeriod, first_shard
from ledger.periods.events import PeriodId
from ledger.projections import ACCOUNTS, PERIODS, TRANSFERS
from ledger.projections.accounts import ALL, AccountRow
from ledger.projections.history import LAST
from ledger.projections.transfers import POSTED, TransferRow
from ledger.reads.accounts import account_at, account_at_version, account_effective, account_now
from ledger.reads.statement import statement
from ledger.reads.trial_balance import sums, trial_balance
from ledger.rejections import Code, no_account, no_transfer, rejected
from ledger.settings import LedgerSettings
from ledger.transfers.commands import (
    ApproveTransfer,
    PostTransfer,
    RejectTransfer,
    ReverseTransfer,
    SubmitTransfer,
    VoidTransfer,
)
from ledger.transfers.reversal import RESERVED
from ledger.transfers.state import Transfer, TransferStatus

WRITE: Final = requires("ledger/write")
APPROVE: Final = requires("ledger/approve")
READ: Final = requires("ledger/read", "ledger/write", "ledger/approve", "ledger/audit")
"""An auditor has ``ledger/audit`` alone: it reads everything and writes nothing."""

commands = Router()
queries = Router()

MinVersion = Annotated[int, Query(alias="minVersion", ge=0)]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=2048)]


@commands.post("/accounts", operation_id="openAccount", summary="Open an account", status_code=201, security=WRITE)
def open_account(body: NewAccount, call: ReplayableCall) -> Response[AccountCommandAnswer]:
    """Open an account in one currency; asked again with the same content, it answers the same again."""
    account_id = body.account_id or call.new_id
    command = OpenAccount(**{**dict(body), "account_id": account_id})
    outcome = call.handle(call.stream("account", account_id, "accountId"), command)
    opened = outcome.state.as_opened()
    return tagged(AccountCommandAnswer.model_validate({**account_state(opened), "version": 1}), 1, 201)


@commands.post(
    "/accounts/<accountId>/freeze", operation_id="freezeAccount", summary="Freeze an account", security=WRITE
)
def freeze_account(accountId: str, body: OptionalReason, call: ReplayableCall) -> Response[AccountCommandAnswer]:
    """Let an account take nothing until it is unfrozen."""
    return _on_account(call, accountId, FreezeAccount(reason=body.reason))


@commands.post(
    "/accounts/<accountId>/unfreeze", operation_id="unfreezeAccount", summary="Unfreeze an account", security=WRITE
)
def unfreeze_account(accountId: str, body: OptionalReason, call: ReplayableCall) -> Response[AccountCommandAnswer]:
    """Let a frozen account take postings again."""
    return _on_account(call, accountId, UnfreezeAccount(reason=body.reason))


@commands.post("/accounts/<accountId>/close", operation_id="closeAccount", summary="Close an account", security=WRITE)
def close_account(accountId: str, body: OptionalReason, call: ReplayableCall) -> Response[AccountCommandAnswer]:
    """Close an empty account for ever."""
    return _on_account(call, accountId, CloseAccount(reason=body.reason))


@commands.post(
    "/transfers",
    operation_id="submitTransfer",
    summary="Move amounts between accounts",
    status_code=201,
    security=WRITE,
)
def submit_transfer(body: NewTransfer, call: ReplayableCall) -> Response[TransferCommandAnswer]:
    """Post a transfer, or hold its amounts if it is pending; above a limit it waits for approval.

    Its postings add up to zero in each currency. Asked again with the same id and content, it answers the same again.
    A day in a period that is closed is moved to the next open one; the answer names the day asked for in ``lateFor``.
    """
    _check_transfer(body)
    transfer_id = body.transfer_id or call.new_id
    command = SubmitTransfer(
        transfer_id=transfer_id,
        postings=tuple(each.posting() for each in body.postings),
        description=body.description,
        effective_date=body.effective_date,
        pending=body.pending,
        expires_in_seconds=body.expires_in_seconds,
        author=call.caller.actor,
        now=call.now(),
        limits=call.settings(LedgerSettings).approval_limits,
    )
    outcome = call.handle(call.stream("transfer", transfer_id, "transferId"), command)
    first = outcome.state.as_submitted()
    answer = TransferCommandAnswer.model_validate({**transfer_state(first), "version": AS_SUBMITTED})
    return tagged(answer, AS_SUBMITTED, 201)


AS_SUBMITTED: Final = 2
"""Version of a transfer that was submitted: what was asked, and what came of it."""


@commands.post(
    "/transfers/<transferId>/post", operation_id="postTransfer", summary="Post a pending transfer", security=WRITE
)
def post_transfer(transferId: str, body: PartToPost, call: ReplayableCall) -> Response[TransferCommandAnswer]:
    """Post all of a pending transfer, or a part if it has two postings; what is not posted is released."""
    return _on_transfer(call, transferId, PostTransfer(transfer_id=transferId, amount=body.amount, now=call.now()))


@commands.post(
    "/transfers/<transferId>/void", operation_id="voidTransfer", summary="Give up a pending transfer", security=WRITE
)
def void_transfer(transferId: str, body: OptionalReason, call: ReplayableCall) -> Response[TransferCommandAnswer]:
    """Release all that a pending transfer holds."""
    return _on_transfer(call, transferId, VoidTransfer(transfer_id=transferId, reason=body.reason))


@commands.post(
    "/transfers/<transferId>/reverse", operation_id="reverseTransfer", summary="Take a transfer back", security=WRITE
)
def reverse_transfer(transferId: str, body: GivenReason, call: ReplayableCall) -> Response[TransferCommandAnswer]:
    """Post the opposite of a transfer as another one, once; above a limit the reversal waits for approval."""
    command = ReverseTransfer(
        transfer_id=transferId,
        reason=body.reason,
        author=call.caller.actor,
        now=call.now(),
        limits=call.settings(LedgerSettings).approval_limits,
    )
    return _on_transfer(call, transferId, command)


@commands.post(
    "/transfers/<transferId>/approve", operation_id="approveTransfer", summary="Approve a transfer", security=APPROVE
)
def approve_transfer(transferId: str, call: ReplayableCall) -> Response[TransferCommandAnswer]:
    """Approve a transfer that waits for it, as another person than its author; needs the scope ``ledger/approve``."""
    command = ApproveTransfer(transfer_id=transferId, actor=call.caller.actor, now=call.now())
    return _on_transfer(call, transferId, command)


@commands.post(
    "/transfers/<transferId>/reject", operation_id="rejectTransfer", summary="Refuse a transfer", security=APPROVE
)
def reject_transfer(transferId: str, body: OptionalReason, call: ReplayableCall) -> Response[TransferCommandAnswer]:
    """Refuse a transfer that waits for approval; needs the scope ``ledger/approve``."""
    command = RejectTransfer(transfer_id=transferId, actor=call.caller.actor, reason=body.reason)
    return _on_transfer(call, transferId, command)


@commands.post("/periods/<period>/close", operation_id="closePeriod", summary="Close a month", security=WRITE)
def close_period(period: PeriodId, body: OptionalReason, call: ReplayableCall) -> Response[PeriodAnswer]:
    """Let a month take nothing any more: what comes for it later goes into the next open one."""
    return _on_period(call, period, ClosePeriod(period=period, reason=body.reason))


@commands.post("/periods/<period>/reopen", operation_id="reopenPeriod", summary="Reopen a month", security=WRITE)
def reopen_period(period: PeriodId, body: GivenReason, call: ReplayableCall) -> Response[PeriodAnswer]:
    """Let a closed month take postings again."""
    return _on_period(call, period, ReopenPeriod(period=period, reason=body.reason))


@queries.get("/accounts/<accountId>", operation_id="getAccount", summary="An account", security=READ)
def get_account(
    accountId: str,
    call: CurrentCall,
    minVersion: MinVersion = 0,
    atVersion: Annotated[int | None, Query(alias="atVersion", ge=1)] = None,
    at: Annotated[Moment | None, Query()] = None,
    effectiveAt: Annotated[DayOrMoment | None, Query(alias="effectiveAt")] = None,
) -> Response[AccountAnswer]:
    """Read an account, at ``minVersion`` or later, or as it stood.

    At a version (``atVersion``), by what was recorded up to a moment (``at``), or with the balance of what counts up to
    a day, that day included, whenever it was recorded (``effectiveAt``); one of these alone.
    """
    stream = call.stream("account", accountId, "accountId")
    if sum(each is not None for each in (minVersion or None, atVersion, at, effectiveAt)) > 1:
        raise CommandRejected("ambiguous_time", "minVersion, atVersion, at and effectiveAt exclude one another")
    found: Answer[Account] | Answer[AccountRow] | None
    if atVersion is not None:
        found = account_at_version(call.queries, stream, atVersion)
    elif at is not None:
        found = account_at(call.queries, stream, at)
    elif effectiveAt is not None:
        found = account_effective(call.queries, stream, effectiveAt)
    else:
        found = account_now(call.queries, stream, minVersion)
    if found is None:
        raise no_account()
    return tagged(merged(AccountAnswer, found.provenance, account_state(found.value)), found.provenance.version)


@queries.get(
    "/accounts/<accountId>/statement", operation_id="getStatement", summary="Statement of an account", security=READ
)
def get_statement(
    accountId: str,
    call: CurrentCall,
    first: Annotated[Day, Query(alias="from")] = date.min,
    last: Annotated[Day, Query(alias="to")] = date.max,
    order: Annotated[PageOrder, Query()] = "ascending",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> StatementAnswer:
    """List the postings of an account by effective date, each with the balance behind it.

    From one day to another, both included, and by default all. What is posted for the same day comes in the order in
    which it was recorded.
    """
    _check_range(first, last)
    stream = call.stream("account", accountId, "accountId")
    account = account_now(call.queries, stream, 0)
    found = statement(call.queries, stream, first, last, order, limit, cursor)
    if found is None or account is None:
        raise no_account()
    scale = account.value.scale
    lines = [
        StatementLine(
            effective_date=line.effective_date,
            recorded_at=line.recorded_at,
            transfer_id=line.transfer_id,
            amount=line.amount.text(scale),
            balance=balance.text(scale),
            description=line.description,
            reverses=line.reverses or None,
        )
        for line, balance in found.lines
    ]
    members = {
        "account_id": accountId,
        "currency": account.value.currency,
        "opening_balance": found.opening.text(scale),
        "closing_balance": found.closing.text(scale),
        "lines": lines,
        "cursor": found.cursor,
    }
    return merged(StatementAnswer, found.provenance, members)


@queries.get("/accounts", operation_id="listAccounts", summary="Accounts", security=READ)
def list_accounts(
    call: CurrentCall,
    type: Annotated[AccountType | None, Query()] = None,
    currency: Annotated[Currency | None, Query()] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> AccountPage:
    """List the accounts of a type, in a currency, or all, by id."""
    found = call.queries.lookup(
        ACCOUNTS,
        call.caller.tenant,
        *_lookup(currency),
        limit,
        cursor,
        where=lambda account: type in (None, account.type),
        order="ascending",
    )
    accounts = tuple(
        ListedAccount.model_validate({**account_state(account), "version": version}) for account, version in found.value
    )
    return merged(AccountPage, found.provenance, {"accounts": accounts, "cursor": found.value.cursor})


@queries.get("/transfers/<transferId>", operation_id="getTransfer", summary="A transfer", security=READ)
def get_transfer(transferId: str, call: CurrentCall, minVersion: MinVersion = 0) -> Response[TransferAnswer]:
    """Read a transfer, at ``minVersion`` or later."""
    found = call.queries.stored(TRANSFERS, call.stream("transfer", transferId, "transferId"), minVersion)
    if found is None:
        raise no_transfer()
    transfer = found.value
    members = {
        **transfer_state(transfer),
        "description": transfer.description,
        "author": transfer.author,
        "approver": transfer.approver or None,
        "asked_date": transfer.asked_date,
        "postings": transfer.postings,
        "held": bookings(transfer.held),
        "posted": bookings(transfer.posted),
    }
    return tagged(merged(TransferAnswer, found.provenance, members), found.provenance.version)


@queries.get("/transfers", operation_id="listTransfers", summary="Transfers by status", security=READ)
def list_transfers(call: CurrentCall, status: TransferStatus, limit: Limit = 50, cursor: Cursor = None) -> TransferPage:
    """List the transfers that stand in one way, such as those that wait for approval, by id."""
    found = call.queries.lookup(TRANSFERS, call.caller.tenant, "status", status.value, limit, cursor, order="ascending")
    transfers = tuple(
        ListedTransfer.model_validate({**transfer_state(row), **_asked(row), "version": version})
        for row, version in found.value
    )
    return merged(TransferPage, found.provenance, {"transfers": transfers, "cursor": found.value.cursor})


@queries.get(
    "/journal", operation_id="getJournal", summary="Transfers that are posted, by effective date", security=READ
)
def get_journal(
    call: CurrentCall,
    first: Annotated[Day | None, Query(alias="from")] = None,
    last: Annotated[Day | None, Query(alias="to")] = None,
    order: Annotated[PageOrder, Query()] = "ascending",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Journal:
    """List what was posted for the days from one to another, both included, and by default all."""
    if first and last:
        _check_range(first, last)
    found = call.queries.lookup(
        TRANSFERS,
        call.caller.tenant,
        "journal",
        POSTED,
        limit,
        cursor,
        from_sort=f"{first}" if first else "",
        to_sort=f"{last}#{LAST}" if last else None,
        order=order,
    )
    entries = tuple(_entry(row) for row, _ in found.value)
    return merged(Journal, found.provenance, {"entries": entries, "cursor": found.value.cursor})


@queries.get("/trial-balance", operation_id="getTrialBalance", summary="Balances of all accounts", security=READ)
def get_trial_balance(
    call: CurrentCall,
    at: Annotated[Moment | None, Query()] = None,
    effectiveAt: Annotated[DayOrMoment | None, Query(alias="effectiveAt")] = None,
    currency: Annotated[Currency | None, Query()] = None,
) -> TrialBalance:
    """Read the balances of all accounts, or of those in a currency, at one moment: debits equal credits.

    By default now; ``at`` a moment, by what was recorded then; ``effectiveAt`` of what counts up to a day, that day
    included. Each transfer is in it with all its postings or not at all: while read models are still on their way to
    the moment, the answer is 503 ``read_model_lagging``.
    """
    moment = min(at or call.now(), call.now())
    balances = trial_balance(call.queries, call.caller.tenant, currency, moment, effectiveAt)
    scales = {each.account.currency: each.account.scale for each in balances}
    totals = tuple(
        CurrencyTotals(currency=code, debits=debits.text(scales[code]), credits=credits.text(scales[code]))
        for code, (debits, credits) in sums(balances).items()
    )
    accounts = tuple(account_balance(each.account, each.amount) for each in balances)
    newest = max((each.account.recorded_at for each in balances if each.account.recorded_at), default=None)
    return TrialBalance(at=moment, as_of=newest, effective_at=effectiveAt, totals=totals, accounts=accounts)


@queries.get("/periods", operation_id="listPeriods", summary="Months that are or were closed", security=READ)
def list_periods(call: CurrentCall, limit: Limit = 50, cursor: Cursor = None) -> PeriodPage:
    """List the months that were ever closed, the latest first."""
    found = call.queries.lookup(PERIODS, call.caller.tenant, "all", ALL, limit, cursor)
    periods = tuple(PeriodState.model_validate(row.model_dump(exclude={"stream"})) for row, _ in found.value)
    return merged(PeriodPage, found.provenance, {"periods": periods, "cursor": found.value.cursor})


def _check_range(first: date, last: date) -> None:
    if last < first:
        raise CommandRejected("invalid_range", "'to' must not lie before 'from'", "to")


def _asked(row: Transfer) -> dict[str, Any]:
    return {"description": row.description, "author": row.author, "postings": row.postings}


def _entry(row: TransferRow) -> JournalEntry:
    state = transfer_state(row)
    shown = {name: state[name] for name in JournalEntry.model_fields if name in state}
    more = {"recorded_at": row.posted_at, "description": row.description, "postings": bookings(row.posted)}
    return JournalEntry.model_validate(shown | more)


def _on_account(call: Replayable, account_id: str, command: AccountCommand) -> Response[AccountCommandAnswer]:
    outcome = call.handle(call.stream("account", account_id, "accountId"), command)
    version = outcome.head.version
    answer = AccountCommandAnswer.model_validate({**account_state(outcome.state), "version": version})
    return tagged(answer, version)


def _on_transfer(call: Replayable, transfer_id: str, command: Any) -> Response[TransferCommandAnswer]:
    outcome = call.handle(call.stream("transfer", transfer_id, "transferId"), command)
    version = outcome.head.version
    answer = TransferCommandAnswer.model_validate({**transfer_state(outcome.state), "version": version})
    return tagged(answer, version)


def _on_period(call: Replayable, period: str, command: ClosePeriod | ReopenPeriod) -> Response[PeriodAnswer]:
    outcome = call.handle(call.stream("period", first_shard(period), "period"), command)
    version = outcome.head.version
    return tagged(PeriodAnswer(period=period, closed=outcome.state.closed, version=version), version)


def _check_transfer(body: NewTransfer) -> None:
    if body.transfer_id and body.transfer_id.startswith(RESERVED):
        detail = f"ids that begin with {RESERVED!r} are given to reversals: choose a different one"
        raise rejected(Code.TRANSFER_ID_RESERVED, detail, "transferId")
    if body.expires_in_seconds is not None and not body.pending:
        detail = "only a pending transfer expires: set pending, or leave expiresInSeconds out"
        raise rejected(Code.EXPIRES_WITHOUT_PENDING, detail, "expiresInSeconds")


def _lookup(currency: str | None) -> tuple[str, str]:
    return ("currency", currency) if currency else ("all", ALL)
