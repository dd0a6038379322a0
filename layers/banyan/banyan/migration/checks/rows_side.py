"""The rows of a legacy system as one side of a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from banyan.documents import Documents
from banyan.errors import UnreadableRow
from banyan.migration.stores.adapter import AnyAdapter
from banyan.migration.stores.legacy import AnyRepository, FoundRow
from banyan.migration.stores.rows import key_at, nameable, place_of, readable
from banyan.migration.sync.contents import view_of
from banyan.reconciliation.feeds import CompositeFeed, FullListing, RestartingFeed
from banyan.reconciliation.sides import Content, Feed, Listing
from banyan.reconciliation.tree import DigestTree, path_of
from banyan.streams import StreamId


@dataclass(frozen=True, slots=True)
class ChangeFeed:
    """What tells of the rows that changed.

    Parameters
    ----------
    origin : str
        Changes before another origin was the one are not known.
    feed : Feed
    """

    origin: str
    feed: Feed


@runtime_checkable
class TracksChanges(Protocol):
    """A legacy system that may know which of its rows changed, whoever changed them."""

    def changes(self, documents: Documents) -> ChangeFeed | None:
        """What tells of changes; ``None`` where nothing does."""


UNREADABLE: Final = "(unreadable)"
"""Stands in the place of what a bad row shows."""


def side_name(entity: str) -> str:
    """Name of the side that holds the rows of an entity."""
    return f"legacy:{entity}"


class LegacySide:
    """The rows of a legacy system, as a read model shows them.

    Parameters
    ----------
    repository : LegacyRepository
    adapter : LegacyAdapter
    projection : str
        One of the adapter's ``views``.
    documents : Documents
    """

    def __init__(self, repository: AnyRepository, adapter: AnyAdapter, projection: str, documents: Documents) -> None:
        self.name = side_name(adapter.entity)
        self.feed = self._feed(documents, repository)
        self._repository = repository
        self._adapter = adapter
        self._projection = projection

    def rows(self, ids: Sequence[str]) -> Mapping[str, FoundRow]:
        """Rows of streams."""
        return {str(stream): row for stream, row in self._repository.rows(list(map(StreamId.parse, ids))).items()}

    def read(self, ids: Sequence[str]) -> Mapping[str, Content]:
        """As in ``Side``: one read for 100 rows."""
        return {id: self.content(row) for id, row in self.rows(ids).items()}

    def content(self, row: FoundRow) -> Content:
        """What is compared of a row; of one that is bad, why it is."""
        try:
            found = readable(row)
            content: Content = view_of(self._adapter, self._projection, found.data).model_dump() if found else {}
        except UnreadableRow as error:
            return {UNREADABLE: error.detail}
        return content

    def _feed(self, documents: Documents, repository: AnyRepository) -> Feed:
        """All rows that are or were, and then what changed; all in every run where nothing tells of changes."""

        def rows(position: str, limit: int) -> Listing:
            found = repository.scan(key_at(position) if position else None, limit)
            streams = [nameable(key_at(place_of(row)), self._adapter.entity) for row in found]
            return Listing(tuple(map(str, filter(None, streams))), place_of(found[-1]) if found else None)

        def known(position: str, limit: int) -> Listing:
            ids = tuple(tree.ids(position, limit))
            return Listing(ids, path_of(ids[-1]) if ids else None)

        tree = DigestTree(documents, self.name)
        everything = CompositeFeed(
            FullListing(documents, f"known:{self.name}", known), FullListing(documents, self.name, rows)
        )
        told = repository.changes(documents) if isinstance(repository, TracksChanges) else None
        if told is None:
            return RestartingFeed(documents, self.name, everything)
        origin = told.origin
        return RestartingFeed(documents, self.name, CompositeFeed(everything, told.feed), lambda _: origin)
