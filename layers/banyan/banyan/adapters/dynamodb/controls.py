"""Controls on DynamoDB, in the table of the cursors."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from banyan.adapters.dynamodb.commit_items import Item
from banyan.adapters.dynamodb.requests import Patience, put_revision
from banyan.errors import ControlChanged
from banyan.projections.state import ProjectionState

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PREFIX: Final = "control#"

_JSON: Final = TypeAdapter(ProjectionState)


class DynamoDBStates:
    """Keeps each control in one item, ``control#<projection>``.

    Parameters
    ----------
    client : DynamoDBClient
    cursors_table : str
        Keyed by ``cursor``.
    sleep : Callable[[float], None]
        Waits before keys that were left unread are asked for again, seconds.
    """

    def __init__(self, client: DynamoDBClient, cursors_table: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._table = cursors_table
        self._patience = Patience(sleep)

    def get(self, projections: Sequence[str]) -> Mapping[str, ProjectionState]:
        """As in ``Controls``."""
        items = self._patience.read_batch(self._client, self._table, [_key(name) for name in projections])
        found = {control.projection: control for control in map(_read, items)}
        return {name: found.get(name, ProjectionState(name)) for name in projections}

    def put(self, control: ProjectionState) -> ProjectionState:
        """As in ``Controls``: one ``PutItem``, which finds out when it is only repeated."""
        kept = replace(control, revision=control.revision + 1)
        if not put_revision(self._client, self._table, _item(kept)):
            raise ControlChanged(control.projection)
        return kept


def _key(projection: str) -> Item:
    return {"cursor": {"S": PREFIX + projection}}


def _item(control: ProjectionState) -> Item:
    return _key(control.projection) | {
        "revision": {"N": str(control.revision)},
        "control": {"S": _JSON.dump_json(control).decode()},
    }


def _read(item: Mapping[str, Any]) -> ProjectionState:
    return _JSON.validate_json(item["control"]["S"])
