"""What an account and a commodity of a journal are called in the ledger: each name in one way, and back."""

import re
from base64 import b32encode
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Final

from ledger.accounts.events import AccountType

LONGEST_ID: Final = 256
_CODE: Final = re.compile(r"[A-Za-z0-9]{2,12}")
_SPELLED: Final = "0x"
_DIGESTED: Final = "0z"
_SPELLED_BYTES: Final = 5
_CODE_DIGEST: Final = 10
_ID_DIGEST: Final = 32
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9:-]")
_TYPES: Final = (
    (re.compile(r"assets?(:|$)", re.I), AccountType.ASSET),
    (re.compile(r"(debts?|liabilit(y|ies))(:|$)", re.I), AccountType.LIABILITY),
    (re.compile(r"(income|revenue)s?(:|$)", re.I), AccountType.INCOME),
    (re.compile(r"expenses?(:|$)", re.I), AccountType.EXPENSE),
)
"""As hledger itself understands English names; whatever else there is counts as equity."""


def currency_of(commodity: str) -> str:
    """The currency that stands for a commodity: the same for a code of 2 to 12 letters and digits.

    Any other is spelled, `0x` and its UTF-8 in hexadecimal (`$` is `0x24`, none at all `0x`); one of more than five
    bytes is `0z` and ten letters of its digest. Codes that look like either are treated alike, so none is taken twice.
    """
    if _CODE.fullmatch(commodity) and not commodity.startswith((_SPELLED, _DIGESTED)):
        return commodity
    spelled = commodity.encode()
    if len(spelled) <= _SPELLED_BYTES:
        return _SPELLED + spelled.hex().upper()
    return _DIGESTED + b32encode(sha256(spelled).digest()).decode()[:_CODE_DIGEST]


def commodity_of(currency: str) -> str | None:
    """The commodity for which a currency stands; `None` for a digest, which only the report of an import explains."""
    if currency.startswith(_DIGESTED):
        return None
    return bytes.fromhex(currency[2:]).decode() if currency.startswith(_SPELLED) else currency


@dataclass(frozen=True)
class JournalAccount:
    """An account of a journal, in one commodity."""

    name: str
    commodity: str

    @cached_property
    def currency(self) -> str:
        """Its currency in the ledger."""
        return currency_of(self.commodity)

    @cached_property
    def id(self) -> str:
        """`EUR.assets.bank.Checking_20Account`: currency and name, a byte that an id cannot hold as `_` and two digits.

        One that would be longer than an id may be ends in `__` and a digest instead, which no other id has.
        """
        whole = f"{self.currency}.{_UNSAFE.sub(_escaped, self.name).replace(':', '.')}"
        if len(whole) <= LONGEST_ID:
            return whole
        digest = sha256(whole.encode()).hexdigest()[:_ID_DIGEST]
        return f"{whole[: LONGEST_ID - 2 - _ID_DIGEST]}__{digest}"

    @property
    def type(self) -> AccountType:
        """What its name says it is."""
        return next((kind for pattern, kind in _TYPES if pattern.match(self.name)), AccountType.EQUITY)


def _escaped(match: re.Match[str]) -> str:
    return "".join(f"_{byte:02X}" for byte in match[0].encode())
