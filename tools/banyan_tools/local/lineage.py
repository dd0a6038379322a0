"""Chains of invocations that feed themselves, counted as Lambda's recursive loop detection counts them.

The SDK sends the trace header of the running invocation with each request, SQS keeps it with the message, and Lambda
adds the function to its lineage when the message invokes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Final

from botocore.awsrequest import AWSPreparedRequest
from moto.core.botocore_stubber import BotocoreStubber
from moto.sqs.models import Message
from moto.sqs.responses import SQSResponse

from banyan_tools.local.patching import patched

Lineage = Mapping[str, int]
HEADER: Final = "X-Amzn-Trace-Id"
ATTRIBUTE: Final = "AWSTraceHeader"
LONGEST_CHAIN: Final = 16
FIELD: Final = re.compile(r"Lineage=([^;]*)")
running: ContextVar[Lineage] = ContextVar("running", default=MappingProxyType({}))
"""How often each function was invoked in the chain that this thread belongs to."""
_arrived: ContextVar[str | None] = ContextVar("arrived", default=None)


def lineage_of(header: str | None) -> dict[str, int]:
    """Return the lineage that a trace header carries; empty without one."""
    found = FIELD.search(header or "")
    links = (link.rpartition(":") for link in found[1].split("|")) if found and found[1] else ()
    return {name: int(count) for name, _, count in links}


def trace_header(lineage: Lineage) -> str:
    """Return a trace header that carries a lineage."""
    return "Lineage=" + "|".join(f"{name}:{count}" for name, count in lineage.items())


def invoked(name: str, chains: Iterable[Lineage]) -> dict[str, int]:
    """Return the lineage of an invocation by what came out of several chains: the longest counts."""
    longest: dict[str, int] = {}
    for chain in chains:
        longest |= {function: max(count, longest.get(function, 0)) for function, count in chain.items()}
    return longest | {name: longest.get(name, 0) + 1}


@contextmanager
def belonging_to(lineage: Lineage) -> Iterator[None]:
    """Let what is sent until the block is left belong to a chain."""
    token = running.set(lineage)
    try:
        yield
    finally:
        running.reset(token)


@contextmanager
def sending_lineage() -> Iterator[None]:
    """Send the lineage of the running invocation with each request to AWS, until the block is left."""
    original = BotocoreStubber.__call__

    def send(self: BotocoreStubber, event_name: str, request: AWSPreparedRequest, **kwargs: Any) -> Any:
        if lineage := running.get():
            request.headers[HEADER] = trace_header(lineage)
        return original(self, event_name, request, **kwargs)

    with patched(BotocoreStubber, "__call__", send):
        yield


@contextmanager
def keeping_lineage() -> Iterator[None]:
    """Let moto's queues keep the trace header that a message was sent with, as SQS does, until the block is left."""
    make: Any = Message.__init__
    begin: Any = SQSResponse.setup_class

    def message(self: Message, name: str, body: str, system_attributes: dict[str, Any] | None = None) -> None:
        header = _arrived.get()
        kept = {ATTRIBUTE: {"DataType": "String", "StringValue": header}} if header else {}
        make(self, name, body, kept | (system_attributes or {}))

    def setup_class(self: SQSResponse, request: Any, *arguments: Any, **named: Any) -> None:
        _arrived.set(request.headers.get(HEADER))
        begin(self, request, *arguments, **named)

    with patched(Message, "__init__", message), patched(SQSResponse, "setup_class", setup_class):
        yield
