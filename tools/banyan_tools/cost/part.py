"""A table of a profile, and which figures can be reckoned with."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, field_validator

HIGHEST: Final = 1e12
"""More than any load, size or price is: a figure above it would end as infinity on the bill."""


class Part(BaseModel):
    """A table of the file; a name that it does not know is refused, and a text or ``true`` for a number."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _can_be_reckoned_with(cls, value: Any) -> Any:
        if isinstance(value, int | float) and value > HIGHEST:
            raise ValueError("a figure is at most 1e12")
        return value
