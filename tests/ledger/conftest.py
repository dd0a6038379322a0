"""Fixtures for the tests of the ledger."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    """The domain that functions serve."""
    monkeypatch.setenv("BANYAN_DOMAIN", "ledger")
