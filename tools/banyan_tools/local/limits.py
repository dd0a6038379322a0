"""What AWS refuses of a template though its schema allows it: names, environments, time-outs and mappings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

from banyan_tools.local.errors import StackError
from banyan_tools.local.physical import STACK
from banyan_tools.local.template import Resource, Template

LONGEST_STACK: Final = "S" + "x" * 127
NAMES: Final = {
    "AWS::ApiGatewayV2::Api": (1, 128, r"[^\0]+"),
    "AWS::CloudWatch::Alarm": (1, 255, r"[^\0]+"),
    "AWS::DynamoDB::Table": (3, 255, r"[\w.-]+"),
    "AWS::Events::EventBus": (1, 256, r"[\w./-]+"),
    "AWS::Events::Rule": (1, 64, r"[\w.-]+"),
    "AWS::IAM::Role": (1, 64, r"[\w+=,.@-]+"),
    "AWS::Kinesis::Stream": (1, 128, r"[\w.-]+"),
    "AWS::Lambda::Function": (1, 64, r"[\w-]+"),
    "AWS::Logs::LogGroup": (1, 512, r"[\w./#-]+"),
    "AWS::S3::Bucket": (3, 63, r"[a-z0-9](?:[a-z0-9-]|\.(?!\.))*[a-z0-9]"),
    "AWS::SNS::Topic": (1, 256, r"[\w-]+(?:\.fifo)?"),
    "AWS::SQS::Queue": (1, 80, r"[\w-]+(?:\.fifo)?"),
    "AWS::Scheduler::Schedule": (1, 64, r"[\w.-]+"),
}
ENVIRONMENT_BYTES: Final = 4096
RESERVED: Final = re.compile(
    r"_HANDLER|_X_AMZN_TRACE_ID|AWS_(DEFAULT_REGION|REGION|EXECUTION_ENV|ACCESS_KEY(_ID)?|SECRET_ACCESS_KEY"
    r"|SESSION_TOKEN|LAMBDA_(FUNCTION_(NAME|MEMORY_SIZE|VERSION)|LOG_(FORMAT|GROUP_NAME|LEVEL|STREAM_NAME)"
    r"|INITIALIZATION_TYPE|RUNTIME_API))|LAMBDA_(TASK_ROOT|RUNTIME_DIR)"
)
SOURCES: Final = re.compile(r":(sqs|dynamodb|kinesis):")
STREAM_BOUNDS: Final = {
    "BatchSize": (1, 10_000),
    "MaximumBatchingWindowInSeconds": (0, 300),
    "MaximumRecordAgeInSeconds": (60, 604_800),
    "MaximumRetryAttempts": (0, 10_000),
    "ParallelizationFactor": (1, 10),
    "TumblingWindowInSeconds": (0, 900),
}
MAPPING_BOUNDS: Final[dict[str, dict[str, tuple[int, int]]]] = {
    "sqs": {"BatchSize": (1, 10_000), "MaximumBatchingWindowInSeconds": (0, 300)},
    "dynamodb": STREAM_BOUNDS,
    "kinesis": STREAM_BOUNDS,
}
ENDLESS: Final = frozenset({"MaximumRecordAgeInSeconds", "MaximumRetryAttempts"})
"""Where -1 stands for no limit."""


def check_limits(template: Template) -> None:
    """Refuse what AWS would refuse when the stack is created.

    Raises
    ------
    StackError
        With every fault.
    """
    found = list(faults(template))
    if found:
        raise StackError("AWS would refuse this template: " + " ".join(found))


def faults(template: Template) -> Iterator[str]:
    """Yield a sentence for each thing that AWS refuses."""
    yield from name_faults(template, STACK)
    functions = template.resources("AWS::Lambda::Function")
    timeouts = {name: float(f.properties.get("Timeout", 3)) for f in functions for name in (f.name, f.arn)}
    yield from chain.from_iterable(map(function_faults, functions))
    queues = {queue.arn: queue for queue in template.resources("AWS::SQS::Queue")}
    for mapping in template.resources("AWS::Lambda::EventSourceMapping"):
        yield from mapping_faults(mapping)
        yield from queue_faults(mapping, queues, timeouts.get(mapping.properties["FunctionName"], 0.0))


def name_faults(template: Template, stack: str = LONGEST_STACK) -> Iterator[str]:
    """Yield the names that a template itself gives and that do not fit in a stack of some name.

    Parameters
    ----------
    stack : str, optional
        The longest that CloudFormation allows, unless given.
    """
    for kind, (least, most, pattern) in NAMES.items():
        for logical_id, name in template.given_names(kind, stack):
            if not least <= len(name) <= most:
                yield f"{logical_id} is named with {len(name)} characters, and {kind} allows {least} to {most}."
            elif not re.fullmatch(pattern, name, re.ASCII):
                yield f"{logical_id} may not be named {name!r}."


def function_faults(function: Resource) -> Iterator[str]:
    """Yield what Lambda refuses of a function."""
    given = function.properties
    if not 1 <= float(given.get("Timeout", 3)) <= 900:
        yield f"{function.logical_id} may run for 1 to 900 seconds, not {given['Timeout']}."
    if not 128 <= int(given.get("MemorySize", 128)) <= 10_240:
        yield f"{function.logical_id} may have 128 to 10240 MB, not {given['MemorySize']}."
    if len(given.get("Layers", ())) > 5:
        yield f"{function.logical_id} may have 5 layers."
    yield from environment_faults(function.logical_id, given.get("Environment", {}).get("Variables", {}))


def environment_faults(logical_id: str, variables: dict[str, Any]) -> Iterator[str]:
    """Yield what Lambda refuses of a function's environment."""
    size = sum(len(name.encode()) + len(str(value).encode()) for name, value in variables.items())
    if size > ENVIRONMENT_BYTES:
        yield f"The environment of {logical_id} has {size} bytes, and Lambda allows {ENVIRONMENT_BYTES}."
    for name in variables:
        if RESERVED.fullmatch(name) or not re.fullmatch(r"[a-zA-Z]\w+", name, re.ASCII):
            yield f"{logical_id} may not set the variable {name}."


def mapping_faults(mapping: Resource) -> Iterator[str]:
    """Yield what Lambda refuses of an event source mapping."""
    given = mapping.properties
    source = SOURCES.search(str(given["EventSourceArn"]))
    bounds = MAPPING_BOUNDS.get(source[1], {}) if source else {}
    for name, (least, most) in bounds.items():
        value = int(given.get(name, least))
        if not least <= value <= most and not (value == -1 and name in ENDLESS):
            yield f"{name} of {mapping.logical_id} may be {least} to {most}, not {value}."
    is_queue, window = source is not None and source[1] == "sqs", int(given.get("MaximumBatchingWindowInSeconds", 0))
    if is_queue and not window and int(given.get("BatchSize", 1)) > 10:
        yield f"{mapping.logical_id} needs a batching window of a second for more than 10 messages of a queue."
    concurrency = int(given.get("ScalingConfig", {}).get("MaximumConcurrency", 2))
    if not 2 <= concurrency <= 1000:
        yield f"MaximumConcurrency of {mapping.logical_id} may be 2 to 1000, not {concurrency}."


def queue_faults(mapping: Resource, queues: dict[str, Resource], timeout: float) -> Iterator[str]:
    """Yield that a queue would hand out again what a function still works on."""
    queue = queues.get(mapping.properties["EventSourceArn"])
    visibility = float(queue.properties.get("VisibilityTimeout", 30)) if queue else timeout
    if queue and visibility < timeout:
        yield (
            f"{queue.logical_id} hides a message for {visibility:g} seconds,"
            f" and the function of {mapping.logical_id} may take {timeout:g}."
        )
