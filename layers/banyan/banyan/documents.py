"""Small texts by key that several processes change safely: a port, its memory, and a model kept in one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from threading import Lock
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from pydantic import TypeAdapter

from banyan.errors import Conflict

M = TypeVar("M")
PAGE = 100


class Key(NamedTuple):
    """Place of one document."""

    partition: str
    sort: str


class Documents(Protocol):
    """Keeps documents. Reads are strongly consistent; every method raises ``StoreUnavailable``.

    A document is changed safely in one of two ways: ``replace`` compares the text, ``revise`` a number that counts
    the changes. One document is always changed in the same way.
    """

    def get(self, key: Key) -> str | None:
        """The text of one document."""

    def get_many(self, keys: Sequence[Key]) -> Mapping[Key, str]:
        """The texts of those that exist; one batch read for up to 100."""

    def page(self, partition: str, limit: int, *, after: str = "", prefix: str = "") -> Sequence[tuple[str, str]]:
        """Sort keys and texts of a partition, in order; fewer than ``limit`` only at the end.

        Parameters
        ----------
        after : str
            Sort key behind which the page begins.
        prefix : str
            With which all of its sort keys begin.
        """

    def put(self, key: Key, text: str | None) -> None:
        """Write over whatever stands there; ``None`` deletes."""

    def put_many(self, documents: Mapping[Key, str | None]) -> None:
        """Write many in the order given, not all or nothing; ``None`` deletes."""

    def replace(self, key: Key, seen: str | None, text: str | None) -> bool:
        """Write if the text is still the one that was seen; ``None`` is the absence of a document.

        Returns
        -------
        bool
            Whether it stands now, by this request or by an earlier one whose answer was lost.
        """

    def revise(self, key: Key, text: str, revision: int) -> bool:
        """Write the first revision where nothing stands, each later one over the revision before it.

        Returns
        -------
        bool
            As of ``replace``.
        """

    def delete_unchanged(self, documents: Mapping[Key, str]) -> None:
        """Delete those that still hold these texts."""


class Document(Generic[M]):
    """A model in one document, which one process at a time continues.

    Parameters
    ----------
    model : type[M]
        Anything that pydantic reads and writes as JSON.
    """

    def __init__(self, documents: Documents, key: Key, model: type[M]) -> None:
        self._documents = documents
        self._key = key
        self._json: TypeAdapter[Any] = TypeAdapter(model)

    def read(self) -> M | None:
        """The model as it is now. Raises ``StoreUnavailable``."""
        return self._parsed(self._documents.get(self._key))

    def save(self, model: M, *, instead_of: M | None) -> M:
        """Keep a model in place of the one that was read, or saved, before.

        Raises
        ------
        Conflict
            ``overtaken``: another process saved another one meanwhile.
        StoreUnavailable
        """
        text, found = self._json.dump_json(model).decode(), self._documents.get(self._key)
        if self._parsed(found) != instead_of or not self._documents.replace(self._key, found, text):
            raise Conflict("overtaken", f"another process continues the {self._key.sort}")
        saved: M = self._json.validate_json(text)
        return saved

    def _parsed(self, text: str | None) -> M | None:
        return self._json.validate_json(text) if text else None


class MemoryDocuments:
    """Keeps documents in dictionaries; safe to share between threads."""

    def __init__(self) -> None:
        self._partitions: dict[str, dict[str, str]] = {}
        self._revisions: dict[Key, int] = {}
        self._lock = Lock()

    def get(self, key: Key) -> str | None:
        with self._lock:
            return self._standing(key)

    def get_many(self, keys: Sequence[Key]) -> Mapping[Key, str]:
        with self._lock:
            found = {key: self._standing(key) for key in keys}
        return {key: text for key, text in found.items() if text is not None}

    def page(self, partition: str, limit: int, *, after: str = "", prefix: str = "") -> Sequence[tuple[str, str]]:
        with self._lock:
            found = sorted(self._partitions.get(partition, {}).items())
        return [(sort, text) for sort, text in found if sort > after and sort.startswith(prefix)][:limit]

    def put(self, key: Key, text: str | None) -> None:
        with self._lock:
            self._put(key, text)

    def put_many(self, documents: Mapping[Key, str | None]) -> None:
        with self._lock:
            for key, text in documents.items():
                self._put(key, text)

    def replace(self, key: Key, seen: str | None, text: str | None) -> bool:
        with self._lock:
            if self._standing(key) != seen:
                return False
            self._put(key, text)
            return True

    def revise(self, key: Key, text: str, revision: int) -> bool:
        with self._lock:
            if self._revisions.get(key, 0) != revision - 1:
                return False
            self._put(key, text)
            self._revisions[key] = revision
            return True

    def delete_unchanged(self, documents: Mapping[Key, str]) -> None:
        for key, text in documents.items():
            self.replace(key, text, None)

    def _standing(self, key: Key) -> str | None:
        return self._partitions.get(key.partition, {}).get(key.sort)

    def _put(self, key: Key, text: str | None) -> None:
        documents = self._partitions.setdefault(key.partition, {})
        if text is None:
            documents.pop(key.sort, None)
            self._revisions.pop(key, None)
        else:
            documents[key.sort] = text


def listed(documents: Documents, partition: str, prefix: str = "", page: int = PAGE) -> Iterator[tuple[str, str]]:
    """Sort keys and texts of all documents of a partition, in order, whose sort keys begin so."""
    after = ""
    while True:
        found = documents.page(partition, page, after=after, prefix=prefix)
        yield from found
        if len(found) < page:
            return
        after = found[-1][0]
