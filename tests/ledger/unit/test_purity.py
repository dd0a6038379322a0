"""The ledger touches no clock, no random and no I/O, and every event that it knows can come about."""

from __future__ import annotations

from datetime import UTC, datetime

from banyan.testing import check_purity
from ledger import DOMAIN
from ledger.accounts.decider import CloseAccount, FreezeAccount, UnfreezeAccount
from ledger.accounts.events import AccountOpened, AccountType, Overdraft
from ledger.accounts.opening import OpenAccount
from ledger.amounts import Amount
from ledger.periods.decider import ClosePeriod, ReopenPeriod
from ledger.transfers.commands import (
    ApproveTransfer,
    ExpireTransfer,
    PostTransfer,
    RejectTransfer,
    ReverseTransfer,
    SubmitTransfer,
    VoidTransfer,
)
from ledger.transfers.events import Posting

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
LIMITS = {"EUR": Amount.parse("100")}


def opened(id: str) -> AccountOpened:
    return AccountOpened(
        account_id=id, type=AccountType.ASSET, currency="EUR", scale=2, name="", overdraft=Overdraft.ALLOWED
    )


def submit(id: str, amount: str = "5", *, pending: bool = False) -> SubmitTransfer:
    moved = Amount.parse(amount)
    return SubmitTransfer(
        transfer_id=id,
        postings=(Posting(account_id="a", amount=moved), Posting(account_id="b", amount=-moved)),
        pending=pending,
        expires_in_seconds=60 if pending else None,
        author="alice",
        now=NOW,
        limits=LIMITS,
    )


def approve(id: str) -> ApproveTransfer:
    return ApproveTransfer(transfer_id=id, actor="bob", now=NOW)


def reverse(id: str) -> ReverseTransfer:
    return ReverseTransfer(transfer_id=id, reason="wrong", author="alice", now=NOW, limits=LIMITS)


def test_accounts_are_pure() -> None:
    life = [
        OpenAccount(account_id="a", type=AccountType.ASSET, currency="EUR"),
        FreezeAccount(),
        UnfreezeAccount(),
        CloseAccount(),
    ]
    of_accounts = {"AccountOpened", "AccountFrozen", "AccountUnfrozen", "AccountClosed"}
    check_purity(DOMAIN, "account", life, of_accounts | {"CurrencyDefined"})


def test_periods_are_pure() -> None:
    life = [ClosePeriod(period="2026-01"), ReopenPeriod(period="2026-01", reason="forgotten")]
    check_purity(DOMAIN, "period", life, {"PeriodClosed", "PeriodReopened"})


def test_transfers_are_pure() -> None:
    given = {"account:a": [opened("a")], "account:b": [opened("b")]}
    decided: set[str] = set()
    for life in (
        [submit("t"), submit("t"), reverse("t"), reverse("t")],
        [submit("t", "200"), approve("t"), reverse("t"), RejectTransfer(transfer_id="reversal-1-t", actor="bob")],
        [submit("t", pending=True), PostTransfer(transfer_id="t", amount=Amount.parse("2"), now=NOW)],
        [submit("t", pending=True), VoidTransfer(transfer_id="t")],
        [submit("t", pending=True), ExpireTransfer(transfer_id="t")],
    ):
        decided |= {event.event_type() for event in check_purity(DOMAIN, "transfer", life, given=given)}
    others = {"AccountOpened", "AccountFrozen", "AccountUnfrozen", "AccountClosed", "CurrencyDefined"}
    assert decided == set(DOMAIN.registry.event_types) - others - {"PeriodClosed", "PeriodReopened"}
