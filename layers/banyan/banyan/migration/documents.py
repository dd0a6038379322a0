"""What a migration remembers besides its events: documents in the table of migrations, by a name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from banyan.adapters.dynamodb.documents import DynamoDBDocuments, Layout
from banyan.adapters.dynamodb.gateway import Gateway
from banyan.documents import Document, Documents, Key, listed

M = TypeVar("M")

NOTES: Final = Layout("part", "item", "text")
"""Of the migration table."""
PAGE: Final = 1000
"""Documents of one request, if they are not larger than 1 MB together: there is one for each row that is parked."""


@dataclass(frozen=True, slots=True)
class MigrationDocuments:
    """The documents of one entity's migration; every method raises ``StoreUnavailable``."""

    documents: Documents
    entity: str

    @classmethod
    def on_dynamodb(cls, gateway: Gateway, table: str, entity: str) -> MigrationDocuments:
        """Keep them in a table keyed by ``part`` and ``item``."""
        return cls(DynamoDBDocuments(gateway, table, NOTES), entity)

    def of(self, name: str, model: type[M]) -> Document[M]:
        """A model under a name, which one process at a time continues."""
        return Document(self.documents, self._key(name), model)

    def get(self, name: str) -> str | None:
        """The text under a name."""
        return self.documents.get(self._key(name))

    def put(self, name: str, text: str | None) -> None:
        """Write over whatever stands there; ``None`` deletes."""
        self.documents.put(self._key(name), text)

    def under(self, prefix: str) -> Iterator[str]:
        """Texts whose names begin so, by name."""
        return (text for _, text in listed(self.documents, self._partition, prefix, PAGE))

    @property
    def _partition(self) -> str:
        return f"note#{self.entity}"

    def _key(self, name: str) -> Key:
        return Key(self._partition, name)
