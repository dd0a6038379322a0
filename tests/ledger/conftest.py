"""Fixtures for the tests of the ledger."""

from __future__ import annotations

import pytest
from tests.support.examples import be_patient

be_patient()  # also in a project that begins with this example


@pytest.fixture(autouse=True)
def _ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    """The domain that functions serve."""
    monkeypatch.setenv("BANYAN_DOMAIN", "ledger")
