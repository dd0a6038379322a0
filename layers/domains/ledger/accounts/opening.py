"""Open an account; the first one in a currency settles the currency's scale."""

from __future__ import annotations

from typing import Final

from banyan import CamelModel
from banyan.decision import Decided, Decision, Participant, Participants, States
from ledger.accounts.decider import ACCOUNT, Account
from ledger.accounts.events import AccountId, AccountOpened, AccountType, Name, Overdraft
from ledger.currencies import CURRENCY, Currency, CurrencyDefined, KnownCurrency, Scale, usual_scale
from ledger.rejections import Code, conflict


class OpenAccount(CamelModel):
    """Open an account.

    Parameters
    ----------
    scale : int, optional
        Decimals of the currency; by default those of ISO 4217, or those that the ledger uses already.
    """

    account_id: AccountId
    type: AccountType
    currency: Currency
    name: Name = ""
    overdraft: Overdraft = Overdraft.ALLOWED
    scale: Scale | None = None


def _participants(command: OpenAccount, _: States) -> Participants:
    return {
        "account": Participant(ACCOUNT, command.account_id),
        "currency": Participant(CURRENCY, command.currency),
    }


def _open(command: OpenAccount, states: States) -> Decided:
    account: Account = states["account"]
    currency: KnownCurrency = states["currency"]
    scale = _scale(command, currency)
    opened = AccountOpened(**{**dict(command), "scale": scale})
    if account.status is not None:
        _check_same(opened, account)
        return {}
    defined = [CurrencyDefined(code=command.currency, scale=scale)] if currency.scale is None else []
    return {"account": [opened], "currency": defined}


def _scale(command: OpenAccount, currency: KnownCurrency) -> int:
    if currency.scale is None:
        return usual_scale(command.currency) if command.scale is None else command.scale
    if command.scale not in (None, currency.scale):
        raise conflict(
            Code.CURRENCY_HAS_ANOTHER_SCALE, f"amounts in {command.currency} have {currency.scale} decimals already"
        )
    return currency.scale


def _check_same(opened: AccountOpened, account: Account) -> None:
    if any(getattr(account, name) != value for name, value in opened):
        raise conflict(Code.ACCOUNT_EXISTS, "there is another account with this id: choose a different one")


OPEN_ACCOUNT: Final = Decision(OpenAccount, _participants, _open)
