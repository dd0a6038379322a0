"""What can be tuned about orders."""

from pydantic import BaseModel, ConfigDict, Field


class OrderSettings(BaseModel):
    """Tunables of the domain; the template's parameters have the same names and defaults."""

    model_config = ConfigDict(frozen=True)

    payment_deadline_minutes: float = Field(
        1440, ge=0.01, description="How long an order may stay unpaid before it is cancelled, minutes."
    )
