"""Fixtures for the tests of telemetry."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _telemetry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The domain that functions serve."""
    monkeypatch.setenv("BANYAN_DOMAIN", "telemetry")
