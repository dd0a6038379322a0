"""What a migration remembers besides its events: small texts under a name, and counts by the minute."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import TypeAdapter

from banyan.errors import StoreUnavailable
from banyan.reconciliation.fields import FieldDifference
from banyan.store.chain import timestamp
from banyan.streams import StreamId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT: Final = timedelta(days=30)
NOT_COMPARED: Final = ""
ALIKE: Final = "[]"

_FIELDS: Final = TypeAdapter(list[FieldDifference])


@dataclass(frozen=True, slots=True)
class Samples:
    """What compared reads showed since a moment.

    Parameters
    ----------
    compared, differing : int
        Reads that were compared, and those that differed.
    lag_ms : int
        Longest lag of a read model among them.
    """

    compared: int = 0
    differing: int = 0
    lag_ms: int = 0

    @property
    def mismatch_rate(self) -> float:
        """Share of reads that differed, 0 to 1."""
        return self.differing / self.compared if self.compared else 0.0


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A compared read that differed.

    Parameters
    ----------
    place : str
        Sorts samples by time.
    at : datetime
    stream : StreamId
    fields : Sequence[FieldDifference]
        Of the legacy system, which is expected, and of the read model.
    """

    place: str
    at: datetime
    stream: StreamId
    fields: Sequence[FieldDifference]


@dataclass(frozen=True, slots=True)
class MismatchPage:
    """Compared reads that differed, the newest first, and where the next page begins, if there is one."""

    mismatches: tuple[Mismatch, ...]
    next: str | None


class Notes:
    """Keeps notes of one entity's migration in a table keyed by ``part`` and ``item``.

    Parameters
    ----------
    client : DynamoDBClient
    table : str
    entity : str
    """

    def __init__(self, client: DynamoDBClient, table: str, entity: str) -> None:
        self._client = client
        self._table = table
        self._entity = entity

    def get(self, name: str) -> str | None:
        """A note. Raises ``StoreUnavailable``."""
        key = self._key("note", name)
        answer = _sent(self._client.get_item, TableName=self._table, Key=key, ConsistentRead=True)
        return str(answer["Item"]["text"]["S"]) if "Item" in answer else None

    def put(self, name: str, text: str) -> None:
        """Keep a note, over the one of the same name. Raises ``StoreUnavailable``."""
        item = {**self._key("note", name), "text": {"S": text}}
        _sent(self._client.put_item, TableName=self._table, Item=item)

    def under(self, prefix: str) -> Iterator[str]:
        """Every note whose name begins so, by name. Raises ``StoreUnavailable``."""
        start: dict[str, Any] = {}
        while True:
            answer = _sent(
                self._client.query,
                TableName=self._table,
                KeyConditionExpression="#part = :part AND begins_with(#item, :prefix)",
                ExpressionAttributeNames={"#part": "part", "#item": "item"},
                ExpressionAttributeValues={":part": self._key("note", "")["part"], ":prefix": {"S": prefix}},
                ConsistentRead=True,
                **start,
            )
            yield from (item["text"]["S"] for item in answer["Items"])
            if not answer.get("LastEvaluatedKey"):
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def replace(self, name: str, seen: str | None, text: str) -> bool:
        """Keep a note if the one of that name is still as it was seen; whether it was. Raises ``StoreUnavailable``."""
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(#text)"}
        if seen is not None:
            values = {":seen": {"S": seen}}
            condition = {"ConditionExpression": "#text = :seen", "ExpressionAttributeValues": values}
        item = {**self._key("note", name), "text": {"S": text}}
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item,
                ExpressionAttributeNames={"#text": "text"},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **condition,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise _unavailable(error) from error
            found: Any = error.response.get("Item", {})
            return bool(found) and found["text"]["S"] == text
        except BotoCoreError as error:
            raise _unavailable(error) from error
        return True

    def compared(self, stream: StreamId, fields: Sequence[FieldDifference], lag_ms: int, now: datetime) -> None:
        """Keep what one compared read showed: the fields that differ, and the lag. Raises ``StoreUnavailable``."""
        self._sample(stream, _FIELDS.dump_json(list(fields)).decode(), lag_ms, now)

    def lagged(self, stream: StreamId, lag_ms: int, now: datetime) -> None:
        """Keep the lag of a read that could not be compared. Raises ``StoreUnavailable``."""
        self._sample(stream, NOT_COMPARED, lag_ms, now)

    def _sample(self, stream: StreamId, differing: str, lag_ms: int, now: datetime) -> None:
        item = {
            **self._key("sample", f"{timestamp(now)}#{uuid4()}"),
            "stream": {"S": str(stream)},
            "differing": {"S": differing},
            "lag_ms": {"N": str(lag_ms)},
            "expires_at": {"N": str(int((now + KEPT).timestamp()))},
        }
        _sent(self._client.put_item, TableName=self._table, Item=item)

    def samples(self, since: datetime) -> Samples:
        """What compared reads showed since a moment. Raises ``StoreUnavailable``."""
        found, start = Samples(), dict[str, Any]()
        while True:
            answer = _sent(
                self._client.query,
                TableName=self._table,
                KeyConditionExpression="#part = :part AND #item >= :since",
                ExpressionAttributeNames={"#part": "part", "#item": "item"},
                ExpressionAttributeValues={
                    ":part": self._key("sample", "")["part"],
                    ":since": {"S": timestamp(since)},
                },
                ConsistentRead=True,
                **start,
            )
            for item in answer["Items"]:
                found = Samples(
                    found.compared + (item["differing"]["S"] != NOT_COMPARED),
                    found.differing + (item["differing"]["S"] not in (NOT_COMPARED, ALIKE)),
                    max(found.lag_ms, int(item["lag_ms"]["N"])),
                )
            if not answer.get("LastEvaluatedKey"):
                return found
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def mismatches(self, since: datetime, limit: int, before: str | None = None) -> MismatchPage:
        """Compared reads that differed.

        Parameters
        ----------
        since : datetime
        limit : int
        before : str, optional
            Where the page before ended.

        Raises
        ------
        StoreUnavailable
        """
        found: list[Mismatch] = []
        start = {"ExclusiveStartKey": self._key("sample", before)} if before else {}
        while True:
            answer = _sent(
                self._client.query,
                TableName=self._table,
                KeyConditionExpression="#part = :part AND #item >= :since",
                FilterExpression="NOT differing IN (:alike, :not_compared)",
                ExpressionAttributeNames={"#part": "part", "#item": "item"},
                ExpressionAttributeValues={
                    ":part": self._key("sample", "")["part"],
                    ":since": {"S": timestamp(since)},
                    ":alike": {"S": ALIKE},
                    ":not_compared": {"S": NOT_COMPARED},
                },
                ScanIndexForward=False,
                ConsistentRead=True,
                **start,
            )
            found += map(_mismatch, answer["Items"])
            if len(found) > limit:
                return MismatchPage(tuple(found[:limit]), found[limit - 1].place)
            if not answer.get("LastEvaluatedKey"):
                return MismatchPage(tuple(found), None)
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _key(self, kind: str, name: str) -> dict[str, Any]:
        return {"part": {"S": f"{kind}#{self._entity}"}, "item": {"S": name}}


def _mismatch(item: Any) -> Mismatch:
    place = item["item"]["S"]
    fields = _FIELDS.validate_json(item["differing"]["S"])
    return Mismatch(place, datetime.fromisoformat(place.split("#")[0]), StreamId.parse(item["stream"]["S"]), fields)


def _sent(operation: Callable[..., Any], **request: Any) -> Any:
    try:
        return operation(**request)
    except (ClientError, BotoCoreError) as error:
        raise _unavailable(error) from error


def _unavailable(error: ClientError | BotoCoreError) -> StoreUnavailable:
    return StoreUnavailable(f"no answer from the migration table: {type(error).__name__}")
