"""Every reason for which a command is refused, with its stable code."""

from __future__ import annotations

from enum import StrEnum

from banyan import CommandRejected, Conflict, NotFound


class Code(StrEnum):
    """Codes by kind: ``NotFound``, ``Conflict`` with the state of the ledger, and a command against the rules."""

    ACCOUNT_NOT_FOUND = "account_not_found"
    TRANSFER_NOT_FOUND = "transfer_not_found"

    ACCOUNT_EXISTS = "account_exists_with_different_content"
    CURRENCY_HAS_ANOTHER_SCALE = "currency_has_another_scale"
    ACCOUNT_FROZEN = "account_frozen"
    ACCOUNT_CLOSED = "account_closed"
    ACCOUNT_NOT_EMPTY = "account_not_empty"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    TRANSFER_EXISTS = "transfer_exists_with_different_content"
    TRANSFER_NOT_PENDING = "transfer_not_pending"
    TRANSFER_EXPIRED = "transfer_expired"
    TRANSFER_NOT_AWAITING_APPROVAL = "transfer_not_awaiting_approval"
    APPROVER_IS_AUTHOR = "approver_is_author"
    TRANSFER_NOT_POSTED = "transfer_not_posted"
    TRANSFER_ALREADY_REVERSED = "transfer_already_reversed"
    REVERSAL_IN_PROGRESS = "reversal_in_progress"
    REVERSAL_CANNOT_BE_REVERSED = "reversal_cannot_be_reversed"
    PERIOD_CLOSED = "period_closed"
    AMOUNT_EXCEEDS_PENDING = "amount_exceeds_pending"

    UNBALANCED = "unbalanced"
    TOO_MANY_DECIMALS = "too_many_decimals"
    AMOUNT_ZERO = "amount_zero"
    AMOUNT_NOT_POSITIVE = "amount_not_positive"
    NOT_TWO_POSTINGS = "not_two_postings"
    EXPIRES_WITHOUT_PENDING = "expires_without_pending"
    TRANSFER_ID_RESERVED = "transfer_id_reserved"


def no_account(detail: str = "there is no such account") -> NotFound:
    """The account was never opened."""
    return NotFound(Code.ACCOUNT_NOT_FOUND.value, detail)


def no_transfer() -> NotFound:
    """The transfer was never submitted."""
    return NotFound(Code.TRANSFER_NOT_FOUND.value, "there is no such transfer")


def conflict(code: Code, detail: str) -> Conflict:
    """The state of the ledger does not allow the command."""
    return Conflict(code.value, detail)


def rejected(code: Code, detail: str, field: str) -> CommandRejected:
    """The command breaks a rule."""
    return CommandRejected(code.value, detail, field)
