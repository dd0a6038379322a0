"""Ledger: accounts, and transfers between them that are recorded in all of them or in none."""

from typing import Final

from banyan import Domain, EventRegistry
from banyan.domain import Example
from ledger.accounts.decider import ACCOUNT
from ledger.accounts.events import EVENTS as ACCOUNT_EVENTS
from ledger.accounts.events import AccountClosed, AccountOpened
from ledger.accounts.opening import OPEN_ACCOUNT
from ledger.currencies import CURRENCY, CurrencyDefined
from ledger.periods.decider import CLOSE_PERIOD, PERIOD, REOPEN_PERIOD
from ledger.periods.events import EVENTS as PERIOD_EVENTS
from ledger.periods.events import PeriodClosed, PeriodReopened
from ledger.projections import PROJECTIONS
from ledger.settings import LedgerSettings
from ledger.transfers.approval import APPROVE_TRANSFER, REJECT_TRANSFER
from ledger.transfers.events import EVENTS as TRANSFER_EVENTS
from ledger.transfers.events import TransferExpired, TransferPosted, TransferReversed, TransferVoided
from ledger.transfers.expiry import EXPIRE_HELD
from ledger.transfers.pending import EXPIRE_TRANSFER, POST_TRANSFER, VOID_TRANSFER
from ledger.transfers.reversal import REVERSE_TRANSFER
from ledger.transfers.state import TRANSFER
from ledger.transfers.submission import SUBMIT_TRANSFER

DOMAIN: Final = Domain(
    name="ledger",
    registry=EventRegistry([CurrencyDefined, *ACCOUNT_EVENTS, *TRANSFER_EVENTS, *PERIOD_EVENTS]),
    deciders=[ACCOUNT, TRANSFER, PERIOD, CURRENCY],
    decisions=[
        OPEN_ACCOUNT,
        SUBMIT_TRANSFER,
        POST_TRANSFER,
        VOID_TRANSFER,
        EXPIRE_TRANSFER,
        APPROVE_TRANSFER,
        REJECT_TRANSFER,
        REVERSE_TRANSFER,
        CLOSE_PERIOD,
        REOPEN_PERIOD,
    ],
    projections=PROJECTIONS,
    routes="ledger.routes",
    policies=[EXPIRE_HELD],
    published=dict.fromkeys((AccountOpened, AccountClosed, TransferPosted, PeriodClosed, PeriodReopened), True),
    compensations=[TransferVoided, TransferExpired, TransferReversed],
    settings=LedgerSettings,
    example=Example(
        "Open a first account",
        "/accounts",
        {"accountId": "cash", "type": "asset", "currency": "EUR", "name": "Cash"},
    ),
)

__all__ = ["DOMAIN"]
