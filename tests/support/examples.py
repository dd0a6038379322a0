"""How long an example of Hypothesis may take."""

from __future__ import annotations

from hypothesis import HealthCheck, settings


def be_patient() -> None:
    """Let no example be wrong because a busy machine takes long for it."""
    settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("patient")
