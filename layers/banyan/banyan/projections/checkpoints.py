"""Up to when the log of all streams is applied to read models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from banyan.documents import Documents, Key, MemoryDocuments
from banyan.projections.views import Generation
from banyan.store.chain import timestamp


class LogCheckpoints:
    """A moment for each generation and bucket of the log. One that held once holds for ever, so none is guarded.

    Parameters
    ----------
    documents : Documents
        In memory unless given.
    """

    def __init__(self, documents: Documents | None = None) -> None:
        self._documents = documents or MemoryDocuments()

    def get(self, generation: Generation, buckets: Sequence[int]) -> Mapping[int, datetime]:
        """The moments there are; one batch read for up to 100. Raises ``StoreUnavailable``."""
        keys = {_key(generation, bucket): bucket for bucket in buckets}
        found = self._documents.get_many(list(keys))
        return {keys[key]: datetime.fromisoformat(text) for key, text in found.items()}

    def put(self, generation: Generation, bucket: int, moment: datetime) -> None:
        """Remember that what was recorded before a moment is applied. Raises ``StoreUnavailable``."""
        self._documents.put(_key(generation, bucket), timestamp(moment))


def _key(generation: Generation, bucket: int) -> Key:
    return Key("catchup", f"{generation}#{bucket}")
