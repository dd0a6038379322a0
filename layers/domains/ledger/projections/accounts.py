"""Accounts as they stand."""

from __future__ import annotations

from typing import Final

from banyan import Event, Lookup, StreamProjection
from ledger.accounts.decider import Account, evolve

ALL: Final = "all"


def _evolve(account: Account, event: Event) -> Account:
    return evolve(account, event.payload)


ACCOUNTS: Final = StreamProjection(
    name="accounts",
    entity="account",
    state=Account,
    initial=Account,
    evolve=_evolve,
    lookups=[
        Lookup("all", partition=lambda _: ALL, sort=lambda account: account.account_id),
        Lookup("type", partition=lambda account: account.type.value, sort=lambda account: account.account_id),
        Lookup("currency", partition=lambda account: account.currency, sort=lambda account: account.account_id),
    ],
)
