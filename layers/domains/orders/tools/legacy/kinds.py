"""What a legacy system may stand on."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What a legacy system stands on."""

    POSTGRES = "postgres"
    DYNAMODB = "dynamodb"
