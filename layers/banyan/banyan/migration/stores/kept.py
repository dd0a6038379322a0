"""A note as a model that one process at a time goes on with."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel

from banyan.errors import Conflict
from banyan.migration.stores.notes import Notes

M = TypeVar("M", bound=BaseModel)


class Kept(Generic[M]):
    """A model under the name of a note.

    Parameters
    ----------
    notes : Notes
    name : str
    model : type[M]
    """

    def __init__(self, notes: Notes, name: str, model: type[M]) -> None:
        self._notes = notes
        self._name = name
        self._model = model

    def read(self) -> M | None:
        """The model as it is now. Raises ``StoreUnavailable``."""
        return self._parsed(self._notes.get(self._name))

    def save(self, model: M, *, instead_of: M | None) -> M:
        """Keep a model in place of the one that the caller read, or saved; nothing else remembers which that was.

        Raises
        ------
        Conflict
            ``overtaken``: another process kept another one meanwhile.
        StoreUnavailable
        """
        text, found = model.model_dump_json(), self._notes.get(self._name)
        if self._parsed(found) != instead_of or not self._notes.replace(self._name, found, text):
            raise Conflict("overtaken", f"another process goes on with the {self._name} of the migration")
        return self._model.model_validate_json(text)

    def _parsed(self, text: str | None) -> M | None:
        return self._model.model_validate_json(text) if text else None
