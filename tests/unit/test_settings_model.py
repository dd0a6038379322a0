"""The settings: their defaults, and how the environment overrides them."""

from __future__ import annotations

import json
from typing import Self

import pytest
from pydantic import BaseModel, ValidationError, model_validator

from banyan.adapters.settings import PREFIX, Settings, Tables, read_settings
from banyan.errors import ConfigurationError

PROMISED = {
    "max_retries": 3,
    "backoff_ms": 200,
    "snapshot_interval": 100,
    "projection_parallelization": 2,
    "projection_batch_size": 50,
    "failure_strategy": "pause_and_alert",
    "reconciliation_schedule": "rate(6 hours)",
    "checksum_algorithm": "sha256",
    "tolerance_percent": 0.0,
    "canary_steps": (10, 25, 50, 100),
    "rollback_lag_ms": 5000,
    "rollback_mismatch_rate": 0.01,
}


@pytest.mark.parametrize(("name", "value"), PROMISED.items())
def test_defaults(name: str, value: object) -> None:
    assert getattr(Settings.from_env({}), name) == value


def test_the_environment_overrides_every_one() -> None:
    chosen = {
        name: "7" if isinstance(value, int) else str(value) if isinstance(value, str | float) else "5,50"
        for name, value in PROMISED.items()
    }

    settings = Settings.from_env({PREFIX + name.upper(): value for name, value in chosen.items()})

    assert settings.canary_steps == (5, 50)
    assert {name for name, value in settings.model_dump().items() if value == 7} == {
        name for name, value in PROMISED.items() if isinstance(value, int)
    }


def test_every_variable_that_does_not_fit_is_named() -> None:
    environ = {"BANYAN_MAX_RETRIES": "-1", "BANYAN_CANARY_STEPS": "10,many", "BANYAN_FAILURE_STRATEGY": "ignore"}

    with pytest.raises(ConfigurationError) as error:
        Settings.from_env(environ)
    assert all(name in str(error.value) for name in environ)


@pytest.mark.parametrize("buckets", ["0", "1001", "64000", "8.5"])
def test_a_number_of_buckets_that_would_be_regretted_for_ever_is_refused(buckets: str) -> None:
    with pytest.raises(ConfigurationError, match="BANYAN_LOG_BUCKETS"):
        Settings.from_env({"BANYAN_LOG_BUCKETS": buckets})


def test_a_setting_cannot_be_changed_and_says_what_it_is() -> None:
    with pytest.raises(ValidationError):
        Settings().max_retries = 5  # type: ignore[misc]
    described = Settings.model_json_schema()["properties"]
    assert all(field["description"].endswith(".") for field in described.values()), json.dumps(described)


def test_a_function_knows_only_the_tables_it_was_given() -> None:
    tables = Tables.from_env({"EVENTS_TABLE": "e-1", "CURSORS_TABLE": "c-1", "BANYAN_DOMAIN": "orders"})

    assert tables == Tables(events="e-1", cursors="c-1")


class Range(BaseModel):
    """Settings that have to fit together."""

    least: int = 1
    most: int = 9

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.least > self.most:
            raise ValueError("least is above most")
        return self


def test_variables_that_do_not_fit_together_are_refused_as_one_that_does_not_fit() -> None:
    assert read_settings(Range, {"BANYAN_LEAST": "9"}) == Range(least=9)
    with pytest.raises(ConfigurationError, match=r"do not fit: .*least is above most"):
        read_settings(Range, {"BANYAN_LEAST": "10"})
