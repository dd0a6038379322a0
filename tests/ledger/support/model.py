"""A naive ledger to hold the real one to: a list of entries, added up whenever somebody asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

NOTHING = Decimal(0)
DEBIT_SIDE = ("asset", "expense")

Lines = Sequence[tuple[str, Decimal]]
Reasons = set[str]
"""Codes, any of which may be given for a refusal; empty when the request has to succeed, which is then done."""


@dataclass
class ModelAccount:
    type: str
    currency: str
    overdraft: str
    status: str = "open"

    @property
    def sense(self) -> int:
        return 1 if self.type in DEBIT_SIDE else -1


@dataclass
class ModelTransfer:
    author: str
    lines: Lines
    asked: date | None = None
    pending: bool = False
    seconds: int | None = None
    reverses: str = ""
    status: str = ""
    expires_at: datetime | None = None
    effective: date | None = None
    late_for: date | None = None
    reversal: str = ""
    reversed: bool = False
    posted: Lines = ()


@dataclass
class Model:
    """What the ledger has to say to each request; a method does it, unless it gives reasons not to.

    Parameters
    ----------
    limits : Mapping[str, Decimal]
        By currency.
    """

    limits: Mapping[str, Decimal]
    decimals: Mapping[str, int]
    accounts: dict[str, ModelAccount] = field(default_factory=dict)
    transfers: dict[str, ModelTransfer] = field(default_factory=dict)
    entries: list[tuple[str, Decimal]] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)
    requests: dict[str, object] = field(default_factory=dict)

    def balance(self, id: str) -> Decimal:
        return sum((amount for account, amount in self.entries if account == id), NOTHING)

    def held(self, id: str, sign: int) -> Decimal:
        """Debits, or credits, of all that is pending."""
        pending = (each for each in self.transfers.values() if each.status == "pending")
        amounts = (amount * sign for each in pending for account, amount in each.lines if account == id)
        return sum((amount for amount in amounts if amount > 0), NOTHING)

    def available(self, id: str) -> Decimal:
        sense = self.accounts[id].sense
        return self.balance(id) * sense - self.held(id, -sense)

    def open(self, id: str, account: ModelAccount) -> Reasons:
        standing = self.accounts.setdefault(id, account)
        same = (standing.type, standing.currency, standing.overdraft)
        return (
            set()
            if same == (account.type, account.currency, account.overdraft)
            else {"account_exists_with_different_content"}
        )

    def change(self, id: str, verb: str) -> Reasons:
        account = self.accounts.get(id)
        if account is None:
            return {"account_not_found"}
        if verb == "close":
            return self._close(id, account)
        if account.status == "closed":
            return {"account_closed"}
        account.status = {"freeze": "frozen", "unfreeze": "open"}[verb]
        return set()

    def _close(self, id: str, account: ModelAccount) -> Reasons:
        reasons = {"account_frozen"} if account.status == "frozen" else set()
        if self.balance(id) or self.held(id, 1) or self.held(id, -1):
            reasons.add("account_not_empty")
        if not reasons:
            account.status = "closed"
        return reasons

    def submit(self, id: str, content: object, transfer: ModelTransfer, now: datetime) -> Reasons:
        if id in self.transfers:
            return set() if self.requests[id] == content else {"transfer_exists_with_different_content"}
        reasons = self._malformed(transfer.lines) or self._begin(transfer, now)
        if not reasons:
            self.transfers[id], self.requests[id] = transfer, content
        return reasons

    def _malformed(self, lines: Lines) -> Reasons:
        if any(account not in self.accounts for account, _ in lines):
            return {"account_not_found", "amount_zero", "too_many_decimals"}
        reasons, sums = set(), dict[str, Decimal]()
        for account, amount in lines:
            currency = self.accounts[account].currency
            sums[currency] = sums.get(currency, NOTHING) + amount
            reasons |= {"amount_zero"} if not amount else set()
            reasons |= self._finer(amount, currency)
        return reasons | ({"unbalanced"} if any(sums.values()) else set())

    def _finer(self, amount: Decimal, currency: str) -> Reasons:
        return set() if amount == round(amount, self.decimals[currency]) else {"too_many_decimals"}

    def _begin(self, transfer: ModelTransfer, now: datetime) -> Reasons:
        moved = dict[str, Decimal]()
        for account, amount in transfer.lines:
            currency = self.accounts[account].currency
            moved[currency] = moved.get(currency, NOTHING) + max(amount, NOTHING)
        if any(amount > self.limits.get(currency, amount) for currency, amount in moved.items()):
            transfer.status = "awaiting_approval"
            return set()
        return self._carry_out(transfer, now)

    def _carry_out(self, transfer: ModelTransfer, now: datetime) -> Reasons:
        if not transfer.pending:
            return self._post(transfer, transfer.lines, now)
        outflows = [(id, amount) for id, amount in transfer.lines if amount * self.accounts[id].sense < 0]
        reasons = self._blocked(transfer.lines) | self._overdrawn(outflows, ())
        if not reasons:
            transfer.status = "pending"
            transfer.expires_at = now + timedelta(seconds=transfer.seconds) if transfer.seconds else None
        return reasons

    def _post(self, transfer: ModelTransfer, lines: Lines, now: datetime) -> Reasons:
        freed = transfer.lines if transfer.status == "pending" else ()
        reasons = self._blocked(lines) | self._overdrawn(lines, freed)
        if not reasons:
            day = transfer.asked or now.date()
            transfer.effective = self.open_day(day)
            transfer.late_for = day if transfer.effective != day else None
            transfer.status, transfer.posted = "posted", lines
            self.entries.extend(lines)
        return reasons

    def open_day(self, day: date) -> date:
        while f"{day:%Y-%m}" in self.closed:
            day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        return day

    def _blocked(self, lines: Lines) -> Reasons:
        found = {self.accounts[account].status for account, _ in lines}
        return {f"account_{status}" for status in found - {"open"}}

    def _overdrawn(self, lines: Lines, freed: Lines) -> Reasons:
        for id in {account for account, _ in lines}:
            sense = self.accounts[id].sense
            change = sum((amount * sense for account, amount in lines if account == id), NOTHING)
            free = sum((max(-amount * sense, NOTHING) for account, amount in freed if account == id), NOTHING)
            if self.accounts[id].overdraft == "forbidden" and self.available(id) + free + change < 0:
                return {"insufficient_funds"}
        return set()

    def resolve(self, id: str, verb: str, now: datetime, amount: Decimal | None = None) -> Reasons:
        transfer = self.transfers.get(id)
        if transfer is None:
            return {"transfer_not_found"}
        if transfer.status != "pending":
            return {"transfer_not_pending"}
        if verb == "void":
            transfer.status = "voided"
            return set()
        expired = bool(transfer.expires_at and now >= transfer.expires_at)
        reasons = ({"transfer_expired"} if expired else set()) | self._no_part(transfer.lines, amount)
        if reasons:
            return reasons
        part = [
            (account, each if amount is None else amount if each > 0 else -amount) for account, each in transfer.lines
        ]
        return self._post(transfer, part, now)

    def _no_part(self, lines: Lines, amount: Decimal | None) -> Reasons:
        if amount is None:
            return set()
        if len(lines) != 2:
            return {"not_two_postings"}
        reasons = {"amount_not_positive"} if amount <= 0 else set()
        if amount > abs(lines[0][1]):
            reasons.add("amount_exceeds_pending")
        return reasons | self._finer(amount, self.accounts[lines[0][0]].currency)

    def expire(self, now: datetime) -> None:
        """All whose deadlines have passed."""
        for transfer in self.transfers.values():
            if transfer.status == "pending" and transfer.expires_at and transfer.expires_at <= now:
                transfer.status = "expired"

    def judge(self, id: str, verb: str, actor: str, now: datetime) -> Reasons:
        transfer = self.transfers.get(id)
        if transfer is None:
            return {"transfer_not_found"}
        if transfer.status != "awaiting_approval":
            return {"transfer_not_awaiting_approval"}
        if verb == "reject":
            transfer.status = "rejected"
            self._rejected(transfer)
            return set()
        reasons = {"approver_is_author"} if actor == transfer.author else self._carry_out(transfer, now)
        if not reasons and transfer.reverses:
            self.transfers[transfer.reverses].reversed = True
        return reasons

    def _rejected(self, transfer: ModelTransfer) -> None:
        if transfer.reverses:
            self.transfers[transfer.reverses].reversal = ""

    def reverse(self, id: str, author: str, now: datetime) -> Reasons:
        original = self.transfers.get(id)
        if original is None:
            return {"transfer_not_found"}
        reasons = {"reversal_cannot_be_reversed"} if original.reverses else set()
        reasons |= {"transfer_not_posted"} if original.status != "posted" else set()
        reasons |= {"transfer_already_reversed"} if original.reversed else set()
        reasons |= {"reversal_in_progress"} if original.reversal and not original.reversed else set()
        return reasons or self._reverse(id, original, author, now)

    def _reverse(self, id: str, original: ModelTransfer, author: str, now: datetime) -> Reasons:
        reversal = ModelTransfer(author, [(account, -amount) for account, amount in original.posted], reverses=id)
        reasons = self._begin(reversal, now)
        if not reasons:
            number = 1 + sum(each.reverses == id for each in self.transfers.values())
            original.reversal = f"reversal-{number}-{id}"
            original.reversed = reversal.status == "posted"
            self.transfers[original.reversal] = reversal
        return reasons

    def turn(self, periods: Iterable[str], verb: str) -> Reasons:
        """Close or reopen."""
        self.closed = self.closed | set(periods) if verb == "close" else self.closed - set(periods)
        return set()
