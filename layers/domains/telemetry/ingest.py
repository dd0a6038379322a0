"""How records of a stream, and batches over HTTP, become readings that are recorded."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Final

from banyan.ingest import Ingest, Reference
from telemetry.names import PROFILE, device_of
from telemetry.profiles.decider import Profile
from telemetry.rejections import not_registered
from telemetry.series.decider import RecordReadings
from telemetry.series.records import ReadingsOfMonth, read_record


def _command(contents: Sequence[ReadingsOfMonth], profile: Profile | None) -> RecordReadings:
    if profile is None:
        raise not_registered()
    return RecordReadings(tuple(chain.from_iterable(contents)), profile)


INGEST: Final = Ingest(read_record, _command, Reference(PROFILE, device_of))
