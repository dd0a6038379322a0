"""When the facade last used the legacy system, to within a minute."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from banyan.errors import BanyanError
from banyan.migration.documents import MigrationDocuments
from banyan.store.chain import timestamp
from banyan.store.eventstore import Clock

READ: Final = "read"
WRITE: Final = "write"
SILENCE: Final = timedelta(minutes=1)
"""What one process does not note again."""


class FacadeUsage:
    """Notes uses of the legacy system through the facade.

    Parameters
    ----------
    documents : MigrationDocuments
    clock : Callable[[], datetime]
    """

    def __init__(self, documents: MigrationDocuments, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock
        self._noted: dict[str, datetime] = {}

    def used(self, kind: str) -> None:
        """Note that the facade used it, unless that was noted within the last minute; never fails."""
        now = self._clock()
        if kind in self._noted and now - self._noted[kind] < SILENCE:
            return
        with suppress(BanyanError):
            self._documents.put(_name(kind), timestamp(now))
            self._noted[kind] = now

    def last(self) -> Mapping[str, datetime]:
        """When it was last used, by kind. Raises ``StoreUnavailable``."""
        found = {kind: self._documents.get(_name(kind)) for kind in (READ, WRITE)}
        return {kind: datetime.fromisoformat(moment) for kind, moment in found.items() if moment}


def _name(kind: str) -> str:
    return f"used/{kind}"
