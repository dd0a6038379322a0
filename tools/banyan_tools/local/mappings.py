"""What the template says about an event source mapping."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from banyan_tools.local.errors import StackError
from banyan_tools.local.patterns import Matcher, any_of, compile_pattern, everything
from banyan_tools.local.template import Resource, Template

FOREVER = -1
QUEUE = ":sqs:"


@dataclass(frozen=True)
class Mapping:
    """An event source mapping, with Lambda's defaults where the template is silent.

    Parameters
    ----------
    window : float
        Seconds to wait for a batch to fill.
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
    max_retries: int = FOREVER
    max_age: int = FOREVER
    bisect: bool = False
    reports_failures: bool = False
    on_failure: str | None = None
    matches: Matcher = everything

    @property
    def is_queue(self) -> bool:
        """Whether the source is a queue; else it is a table's stream."""
        return QUEUE in self.source_arn


def mappings(template: Template) -> list[Mapping]:
    """Return the template's event source mappings that are switched on.

    Raises
    ------
    StackError
        The local stack does not understand a filter pattern, or the on-failure destination.
    """
    return [mapping for mapping in template.build("AWS::Lambda::EventSourceMapping", mapping_of) if mapping.enabled]


def mapping_of(resource: Resource) -> Mapping:
    """Return what an ``AWS::Lambda::EventSourceMapping`` says."""
    given = resource.properties
    is_queue = QUEUE in given["EventSourceArn"]
    return Mapping(
        name=resource.logical_id,
        function=given["FunctionName"],
        source_arn=given["EventSourceArn"],
        enabled=is_true(given.get("Enabled", True)),
        batch_size=int(given.get("BatchSize", 10 if is_queue else 100)),
        window=float(given.get("MaximumBatchingWindowInSeconds", 0)),
        parallelization=int(given.get("ParallelizationFactor", 1)),
        start=given.get("StartingPosition", "TRIM_HORIZON"),
        max_retries=int(given.get("MaximumRetryAttempts", FOREVER)),
        max_age=int(given.get("MaximumRecordAgeInSeconds", FOREVER)),
        bisect=is_true(given.get("BisectBatchOnFunctionError")),
        reports_failures="ReportBatchItemFailures" in given.get("FunctionResponseTypes", []),
        on_failure=on_failure(resource),
        matches=filters(given.get("FilterCriteria", {}).get("Filters", [])),
    )


def on_failure(resource: Resource) -> str | None:
    """Return the ARN of the queue that hears of discarded batches."""
    destination: str | None = resource.properties.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    if destination and QUEUE not in destination:
        raise StackError(f"The on-failure destination of {resource.logical_id} is not a queue.")
    return destination


def filters(criteria: list[dict[str, str]]) -> Matcher:
    """Return a function that says whether a record passes one of the filters; without any, all pass."""
    patterns = [compile_pattern(json.loads(criterion["Pattern"])) for criterion in criteria]
    return any_of(patterns or [everything])


def is_true(value: Any) -> bool:
    """Tell whether a template says yes, as YAML or as text."""
    return str(value).lower() == "true"
