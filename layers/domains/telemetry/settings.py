"""What can be tuned about telemetry."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

LEAST_SILENCE: Final = 60
"""Seconds: deadlines are looked at once a minute."""
LONGEST: Final = 366 * 24 * 3600


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

    def silent_after(self, interval: int) -> int:
        """For how many seconds a device with an expected interval, in seconds, may be silent."""
        return min(max(round(self.silence_intervals * interval), LEAST_SILENCE), LONGEST)

    @property
    def allowed_lateness(self) -> int:
        """In seconds."""
        return round(self.allowed_lateness_hours * 3600)
