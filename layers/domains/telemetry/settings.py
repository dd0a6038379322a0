"""What can be tuned about telemetry."""

from __future__ import annotations

from math import inf
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

LEAST_SILENCE: Final = 60
"""Seconds: deadlines are looked at once a minute."""
LONGEST: Final = 366 * 24 * 3600
LONGEST_KEPT: Final = 36_500
"""Days."""


class TelemetrySettings(BaseModel):
    """Tunables of the domain; those of a device are taken when it is registered or its timing is changed."""

    model_config = ConfigDict(frozen=True)

    silence_intervals: float = Field(
        default=3,
        gt=0,
        le=1000,
        description=(
            "A device is silent when nothing came for so many times its expected interval, unless its registration "
            "says for how long"
        ),
    )
    silence_check_minutes: int = Field(
        default=15,
        ge=1,
        le=7 * 24 * 60,
        description=(
            "A device that sends is looked at once in so many minutes (at least in the time that it may be silent): "
            "each look is a deadline, which is written and removed"
        ),
    )
    allowed_lateness_hours: float = Field(
        default=744,
        ge=0,
        le=744,
        description=(
            "A reading that is older than the newest one of its month by more than so many hours is recorded as late: "
            "listed and counted, but in no window. The default is a whole month, so that nothing is late"
        ),
    )
    smallest_window: Literal["1m", "1h", "1d"] = Field(
        default="1m",
        description=(
            "Windows of this size and of the longer ones are kept. A device that sends every few minutes has one "
            "reading in a minute: without windows of a minute, its views cost a third"
        ),
    )
    minutes_kept_days: float = Field(
        default=30,
        ge=0,
        le=LONGEST_KEPT,
        description="Days for which a window of a minute is kept after its last reading came; 0 for ever",
    )
    hours_kept_days: float = Field(
        default=400,
        ge=0,
        le=LONGEST_KEPT,
        description="Days for which a window of an hour is kept after its last reading came; 0 for ever",
    )
    days_kept_days: float = Field(
        default=0,
        ge=0,
        le=LONGEST_KEPT,
        description="Days for which a window of a day is kept after its last reading came; 0 for ever",
    )

    @model_validator(mode="after")
    def _longer_ones_last(self) -> Self:
        kept = [each or inf for each in (self.minutes_kept_days, self.hours_kept_days, self.days_kept_days)]
        if kept != sorted(kept):
            raise ValueError("windows are kept at least as long as shorter ones")
        return self

    def silent_after(self, interval: int) -> int:
        """For how many seconds a device with an expected interval, in seconds, may be silent."""
        return min(max(round(self.silence_intervals * interval), LEAST_SILENCE), LONGEST)

    @property
    def allowed_lateness(self) -> int:
        """In seconds."""
        return round(self.allowed_lateness_hours * 3600)
