"""All that is measured, in order: lists first, as rows are made slowly once DynamoDB Local holds much."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from bench import append, cold_load, cold_start, fold, http, rebuild, scale, segments
from bench.ground import Section

SECTIONS: Final = cast(Sequence[Section], (http, append, cold_load, fold, rebuild, segments, scale, cold_start))


def goals() -> Sequence[str]:
    """What every goal is about."""
    return [what for section in SECTIONS for what in section.GOALS]
