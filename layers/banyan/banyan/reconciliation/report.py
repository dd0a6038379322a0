"""What a reconciliation found, and where reports are kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

from banyan.events import CamelModel
from banyan.reconciliation.fields import FieldDifference
from banyan.store.chain import timestamp
from banyan.store.items import pack, unpack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

RECONCILIATION: Final = "reconciliation"


class Finding(CamelModel):
    """One difference that stayed.

    Parameters
    ----------
    where : str
        Stream, or tenant, partition and sort of a view row.
    kind : str
        What is wrong.
    version : int, optional
        First version concerned, in a stream.
    fields : tuple[FieldDifference, ...]
        The fields that differ, in a row.
    detail : str
        A sentence for a person.
    """

    where: str
    kind: str
    version: int | None = None
    fields: tuple[FieldDifference, ...] = ()
    detail: str = ""


class Section(CamelModel):
    """One comparison.

    Parameters
    ----------
    name : str
        ``streams``, or the name of a projection.
    compared : int
        Streams or rows looked at.
    in_flight : int
        Rows left out because their streams moved while they were compared.
    expected, actual : str
        Checksums of the rows by the events and as they are.
    differences : int
    findings : tuple[Finding, ...]
        The first ``MAX_FINDINGS`` of them.
    """

    name: str
    compared: int
    in_flight: int = 0
    expected: str = ""
    actual: str = ""
    differences: int = 0
    findings: tuple[Finding, ...] = ()


class Report(CamelModel):
    """A whole run.

    Parameters
    ----------
    started_at, finished_at : datetime
    sections : tuple[Section, ...]
    drift_percent, tolerance_percent : float
        Share of compared entities that differ, and what is tolerated.
    """

    started_at: datetime
    finished_at: datetime
    sections: tuple[Section, ...]
    drift_percent: float
    tolerance_percent: float

    @property
    def differences(self) -> int:
        """All differences of the run."""
        return sum(section.differences for section in self.sections)

    @property
    def drifted(self) -> bool:
        """Whether the run found more than is tolerated."""
        return self.drift_percent > self.tolerance_percent


class Reports(Protocol):
    """Where reports are kept."""

    def put(self, report: Report) -> None:
        """Keep a report."""

    def latest(self, limit: int = 10) -> Sequence[Report]:
        """Reports, newest first."""


class DynamoDBReports:
    """Keeps reports in a table keyed by ``report`` and ``started_at``."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def put(self, report: Report) -> None:
        """As in ``Reports``."""
        item = {
            "report": {"S": RECONCILIATION},
            "started_at": {"S": timestamp(report.started_at)},
            "drift_percent": {"N": str(report.drift_percent)},
            "content": pack(report.model_dump_json(by_alias=True)),
        }
        self._client.put_item(TableName=self._table, Item=item)

    def latest(self, limit: int = 10) -> Sequence[Report]:
        """As in ``Reports``."""
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="report = :report",
            ExpressionAttributeValues={":report": {"S": RECONCILIATION}},
            ScanIndexForward=False,
            Limit=limit,
        )
        return [Report.model_validate_json(unpack(item["content"])) for item in answer["Items"]]
