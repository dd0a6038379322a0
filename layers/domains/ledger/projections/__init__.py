"""The read models of the ledger."""

from typing import Final

from banyan.projections.base import Projection
from ledger.projections.accounts import ACCOUNTS
from ledger.projections.history import HISTORY
from ledger.projections.periods import PERIODS
from ledger.projections.transfers import TRANSFERS

PROJECTIONS: Final[tuple[Projection, ...]] = (ACCOUNTS, HISTORY, TRANSFERS, PERIODS)

__all__ = ["ACCOUNTS", "HISTORY", "PERIODS", "PROJECTIONS", "TRANSFERS"]
