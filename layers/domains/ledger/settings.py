"""What can be tuned about the ledger."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from ledger.amounts import Amount
from ledger.currencies import Currency


class LedgerSettings(BaseModel):
    """Tunables of the domain; the template's parameters have the same names and defaults."""

    model_config = ConfigDict(frozen=True)

    approval_limits: dict[Currency, Amount] = Field(
        default_factory=dict,
        description=(
            'What one person may move alone, by currency, such as {"EUR": "10000"}: a transfer above it waits for '
            "the approval of another person. A currency that is not named has no limit."
        ),
    )
