"""Proof that balances of several accounts show each transfer in all of its accounts or in none.

Read models of accounts are brought up to date one by one, so balances that are read together may show a transfer in one
account and not yet in another; that their sum is zero does not rule it out, since two such halves may cancel out. So
each account also adds up its amounts weighted by a number that follows from the transfer's id. What whole transfers
contribute to the sum of that over all accounts is zero, whatever the weights, since debits equal credits; parts of
transfers make it zero by accident once in 10^18.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from ledger.amounts import Amount

_PRIME: Final = 2**61 - 1


def weighted(amount: Amount, transfer_id: str) -> int:
    """What a posting contributes."""
    weight = int.from_bytes(sha256(transfer_id.encode()).digest()[:8], "big") % _PRIME
    return int(amount) * weight % _PRIME


def added(proofs: Iterable[int]) -> int:
    """Contributions together."""
    return sum(proofs) % _PRIME
