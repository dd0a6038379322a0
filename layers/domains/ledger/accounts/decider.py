"""The state of an account, and what is decided on it alone: freeze, unfreeze, close."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, TypeVar

from banyan import CamelModel, Decider, DomainEvent
from ledger.accounts.events import (
    AccountClosed,
    AccountFrozen,
    AccountOpened,
    AccountType,
    AccountUnfrozen,
    AmountHeld,
    AmountPosted,
    HoldReleased,
    Overdraft,
    Reason,
)
from ledger.amounts import ZERO, Amount
from ledger.rejections import Code, conflict, no_account


class AccountStatus(StrEnum):
    """Whether an account takes postings."""

    OPEN = "open"
    FROZEN = "frozen"
    CLOSED = "closed"


class Account(CamelModel):
    """The state of an account; ``status`` is ``None`` until it is opened.

    Parameters
    ----------
    balance : Amount
        Debits less credits of what is posted.
    pending_debits, pending_credits : Amount
        What is held for pending transfers, neither of them negative.
    """

    account_id: str = ""
    type: AccountType = AccountType.ASSET
    currency: str = ""
    scale: int = 0
    name: str = ""
    overdraft: Overdraft = Overdraft.ALLOWED
    status: AccountStatus | None = None
    balance: Amount = ZERO
    pending_debits: Amount = ZERO
    pending_credits: Amount = ZERO

    @property
    def available(self) -> Amount:
        """What can be taken out, in the account's own sense: its balance less what is held to leave it."""
        leaving = self.pending_credits if self.type.sign > 0 else self.pending_debits
        return self.balance * self.type.sign - leaving

    def as_opened(self) -> Account:
        """As it was when it was opened."""
        empty = {"balance": ZERO, "pending_debits": ZERO, "pending_credits": ZERO}
        return self.model_copy(update={"status": AccountStatus.OPEN, **empty})


class FreezeAccount(CamelModel):
    """Take nothing for the time being."""

    reason: Reason = ""


class UnfreezeAccount(CamelModel):
    """Take postings again."""

    reason: Reason = ""


class CloseAccount(CamelModel):
    """Take nothing for ever; only an empty account can be closed."""

    reason: Reason = ""


AccountCommand = FreezeAccount | UnfreezeAccount | CloseAccount


A = TypeVar("A", bound=Account)


def evolve(account: A, event: DomainEvent) -> A:
    """State after one more event; works for every model that extends ``Account``."""
    match event:
        case AccountOpened():
            return account.model_copy(update={**dict(event), "status": AccountStatus.OPEN})
        case AccountFrozen():
            return account.model_copy(update={"status": AccountStatus.FROZEN})
        case AccountUnfrozen():
            return account.model_copy(update={"status": AccountStatus.OPEN})
        case AccountClosed():
            return account.model_copy(update={"status": AccountStatus.CLOSED})
        case AmountPosted(amount=amount):
            return account.model_copy(update={"balance": account.balance + amount})
        case AmountHeld(amount=amount):
            return _held(account, amount, 1)
        case HoldReleased(amount=amount):
            return _held(account, amount, -1)
    return account


def _held(account: A, amount: Amount, times: int) -> A:
    side = "pending_debits" if amount > 0 else "pending_credits"
    return account.model_copy(update={side: getattr(account, side) + abs(amount) * times})


def check_takes(account: Account) -> None:
    """Refuse whatever is to be posted to an account that is not open. Raises ``NotFound``, ``Conflict``."""
    match account.status:
        case None:
            raise no_account()
        case AccountStatus.FROZEN:
            raise conflict(Code.ACCOUNT_FROZEN, f"account {account.account_id} is frozen: unfreeze it first")
        case AccountStatus.CLOSED:
            raise conflict(Code.ACCOUNT_CLOSED, f"account {account.account_id} is closed for ever: use another one")


def decide(command: AccountCommand, account: Account) -> Sequence[DomainEvent]:
    """Events that follow from a command; none when the account stands like that already.

    Raises
    ------
    NotFound, Conflict
        With a code of ``ledger.rejections.Code``.
    """
    if account.status is None:
        raise no_account()
    match command:
        case FreezeAccount(reason=reason):
            _check_not_closed(account)
            return [AccountFrozen(reason=reason)] if account.status is AccountStatus.OPEN else []
        case UnfreezeAccount(reason=reason):
            _check_not_closed(account)
            return [AccountUnfrozen(reason=reason)] if account.status is AccountStatus.FROZEN else []
        case CloseAccount(reason=reason):
            return [AccountClosed(reason=reason)] if _can_be_closed(account) else []


def _check_not_closed(account: Account) -> None:
    if account.status is AccountStatus.CLOSED:
        raise conflict(Code.ACCOUNT_CLOSED, "the account is closed for ever: open another one")


def _can_be_closed(account: Account) -> bool:
    if account.status is AccountStatus.CLOSED:
        return False
    check_takes(account)
    if account.balance or account.pending_debits or account.pending_credits:
        held = " and holds of pending transfers" if account.pending_debits or account.pending_credits else ""
        raise conflict(
            Code.ACCOUNT_NOT_EMPTY,
            f"the account has a balance of {account.balance.text(account.scale)}{held}: move it to another one first",
        )
    return True


ACCOUNT: Final[Decider[Account, AccountCommand]] = Decider("account", Account, decide, evolve, Account)
