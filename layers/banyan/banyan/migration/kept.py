"""A note as a model that one process at a time goes on with."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel

from banyan.errors import Conflict
from banyan.migration.notes import Notes

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
        self._text: str | None = None

    def read(self) -> M | None:
        """The model as it is now. Raises ``StoreUnavailable``."""
        self._text = self._notes.get(self._name)
        return self._model.model_validate_json(self._text) if self._text else None

    def save(self, model: M) -> M:
        """Keep a model in place of the one that was read last, or saved.

        Raises
        ------
        Conflict
            ``overtaken``: somebody else kept another one meanwhile.
        StoreUnavailable
        """
        text = model.model_dump_json()
        if not self._notes.replace(self._name, self._text, text):
            raise Conflict("overtaken", f"somebody else goes on with the {self._name} of the migration")
        self._text = text
        return model
