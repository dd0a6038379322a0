"""What the template says about an event source mapping."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any, Final

from banyan_tools.local.errors import StackError
from banyan_tools.local.patterns import Matcher, any_of, compile_pattern, everything
from banyan_tools.local.template import Resource, Template

FOREVER = -1
QUEUE: Final = "sqs"
TABLE: Final = "dynamodb"
KINESIS: Final = "kinesis"
SOURCES: Final = re.compile(
    r"arn:[\w-]+:(?:(sqs):[^/]*:(.+)|(dynamodb):.*:table/([^/]+)/stream/[^/]+|(kinesis):.*:stream/([^/]+))"
)


@dataclass(frozen=True)
class Mapping:
    """An event source mapping, with Lambda's defaults where the template is silent.

    Parameters
    ----------
    window : float
        Seconds to wait for a batch to fill.
    start, start_time : str, float
        Where to begin; seconds since 1970 for ``AT_TIMESTAMP``.
    max_retries, max_age : int
        Retries of a batch, and seconds a record may wait; -1 for no limit.
    matches : Callable[[Any], bool]
        Whether a record passes the filters.
    on_failure : str | None
        ARN of the queue that hears of discarded batches.
    """

    name: str
    function: str
    source_arn: str
    enabled: bool = True
    batch_size: int = 100
    window: float = 0.0
    parallelization: int = 1
    start: str = "TRIM_HORIZON"
    start_time: float = 0.0
    max_retries: int = FOREVER
    max_age: int = FOREVER
    bisect: bool = False
    reports_failures: bool = False
    on_failure: str | None = None
    matches: Matcher = everything

    @property
    def is_queue(self) -> bool:
        """Whether the source is a queue; else it is a stream."""
        return self.service == QUEUE

    @property
    def service(self) -> str:
        """What the source belongs to: ``sqs``, ``dynamodb`` or ``kinesis``."""
        return source(self.source_arn)[0]

    @property
    def source(self) -> str:
        """Name of the queue, of the table with the stream, or of the Kinesis stream."""
        return source(self.source_arn)[1]

    @property
    def first_place(self) -> dict[str, Any]:
        """Where to begin, as an iterator is asked for."""
        place = {"ShardIteratorType": self.start}
        return place | ({"Timestamp": self.start_time} if self.start == "AT_TIMESTAMP" else {})


def mappings(template: Template) -> list[Mapping]:
    """Return the template's event source mappings that are switched on.

    Raises
    ------
    StackError
        The local stack does not know the source, or does not understand a filter pattern or the on-failure
        destination.
    """
    return [mapping for mapping in template.build("AWS::Lambda::EventSourceMapping", mapping_of) if mapping.enabled]


def mapping_of(resource: Resource) -> Mapping:
    """Return what an ``AWS::Lambda::EventSourceMapping`` says."""
    given = resource.properties
    service, _ = source(given["EventSourceArn"])
    refuse_windows_with_state(resource)
    return Mapping(
        name=resource.logical_id,
        function=given["FunctionName"],
        source_arn=given["EventSourceArn"],
        enabled=is_true(given.get("Enabled", True)),
        batch_size=int(given.get("BatchSize", 10 if service == QUEUE else 100)),
        window=float(given.get("MaximumBatchingWindowInSeconds", 0)),
        parallelization=int(given.get("ParallelizationFactor", 1)),
        start=given.get("StartingPosition", "TRIM_HORIZON"),
        start_time=float(given.get("StartingPositionTimestamp", 0)),
        max_retries=int(given.get("MaximumRetryAttempts", FOREVER)),
        max_age=int(given.get("MaximumRecordAgeInSeconds", FOREVER)),
        bisect=is_true(given.get("BisectBatchOnFunctionError")),
        reports_failures="ReportBatchItemFailures" in given.get("FunctionResponseTypes", []),
        on_failure=on_failure(resource),
        matches=filters(given.get("FilterCriteria", {}).get("Filters", []), service),
    )


def source(arn: str) -> tuple[str, str]:
    """Return the service and the name that the ARN of an event source names.

    Raises
    ------
    StackError
        The local stack serves no such source.
    """
    if not (found := SOURCES.fullmatch(arn)):
        raise StackError(f"The local stack serves mappings of queues, tables' streams and Kinesis streams, not {arn}.")
    service, name = filter(None, found.groups())
    return service, name


def refuse_windows_with_state(resource: Resource) -> None:
    """Refuse what would give the function a state from one batch to the next."""
    if int(resource.properties.get("TumblingWindowInSeconds", 0)):
        raise StackError(f"The local stack has no tumbling windows: {resource.logical_id} asks for one.")


def on_failure(resource: Resource) -> str | None:
    """Return the ARN of the queue that hears of discarded batches."""
    destination: str | None = resource.properties.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    if destination and f":{QUEUE}:" not in destination:
        raise StackError(f"The on-failure destination of {resource.logical_id} is not a queue.")
    return destination


def filters(criteria: list[dict[str, str]], service: str) -> Matcher:
    """Return a function that says whether a record passes one of the filters; without any, all pass."""
    patterns = [json.loads(criterion["Pattern"]) for criterion in criteria]
    if not patterns:
        return everything
    return data_filter(patterns) if service == KINESIS else any_of(list(map(compile_pattern, patterns)))


def data_filter(patterns: list[dict[str, Any]]) -> Matcher:
    """Return a function that looks at the data of a Kinesis record as JSON; one with other data passes no filter.

    Raises
    ------
    StackError
        A pattern asks for more than the data, which Lambda does not filter by.
    """
    if any(pattern.keys() != {"data"} for pattern in patterns):
        raise StackError("A filter of a Kinesis stream has a pattern for `data`, and for nothing else.")
    matches = any_of(list(map(compile_pattern, patterns)))

    def matches_data(event: Any) -> bool:
        try:
            return matches({"data": json.loads(base64.b64decode(event["kinesis"]["data"]))})
        except ValueError:
            return False

    return matches_data


def is_true(value: Any) -> bool:
    """Tell whether a template says yes, as YAML or as text."""
    return str(value).lower() == "true"
