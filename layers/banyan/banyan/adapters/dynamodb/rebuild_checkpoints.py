"""Builds and their segments on DynamoDB, in the table of the cursors."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from banyan.adapters.dynamodb.commit_items import Item
from banyan.adapters.dynamodb.requests import Patience, put_revision, sent
from banyan.projections.rebuild.base import Build, CheckpointMoved, Segment
from banyan.projections.views import Generation

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PREFIX: Final = "rebuild#"

_BUILD: Final = TypeAdapter(Build)
_SEGMENT: Final = TypeAdapter(Segment)


class DynamoDBCheckpoints:
    """Keeps a build in ``rebuild#<projection>@<n>`` and its segments in ``rebuild#<projection>@<n>#<bucket>``.

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

    def begin(self, build: Build) -> None:
        """As in ``Checkpoints``: one ``PutItem``."""
        item = _key(build.generation) | {"build": {"S": _BUILD.dump_json(build).decode()}}
        self._call(self._client.put_item, {"Item": item})

    def build(self, generation: Generation) -> Build | None:
        """As in ``Checkpoints``."""
        answer = self._call(self._client.get_item, {"Key": _key(generation), "ConsistentRead": True})
        return _BUILD.validate_json(answer["Item"]["build"]["S"]) if "Item" in answer else None

    def segments(self, build: Build) -> Sequence[Segment]:
        """As in ``Checkpoints``."""
        keys = [_key(build.generation, number) for number in range(build.segments)]
        items = self._patience.read_batch(self._client, self._table, keys)
        found = {segment.number: segment for segment in map(_read, items)}
        return [found.get(number, Segment(number)) for number in range(build.segments)]

    def put(self, generation: Generation, segment: Segment) -> Segment:
        """As in ``Checkpoints``: one ``PutItem``, which finds out when it is only repeated."""
        kept = replace(segment, revision=segment.revision + 1)
        if not put_revision(self._client, self._table, _item(generation, kept)):
            raise CheckpointMoved
        return kept

    def forget(self, build: Build) -> None:
        """As in ``Checkpoints``: the build goes last."""
        for number in range(build.segments):
            self._call(self._client.delete_item, {"Key": _key(build.generation, number)})
        self._call(self._client.delete_item, {"Key": _key(build.generation)})

    def _call(self, operation: Callable[..., Any], request: Mapping[str, Any]) -> Any:
        return sent(operation, {"TableName": self._table, **request})


def _key(generation: Generation, number: int | None = None) -> Item:
    segment = "" if number is None else f"#{number}"
    return {"cursor": {"S": f"{PREFIX}{generation}{segment}"}}


def _item(generation: Generation, segment: Segment) -> Item:
    return _key(generation, segment.number) | {
        "revision": {"N": str(segment.revision)},
        "segment": {"S": _SEGMENT.dump_json(segment).decode()},
    }


def _read(item: Mapping[str, Any]) -> Segment:
    return _SEGMENT.validate_json(item["segment"]["S"])
