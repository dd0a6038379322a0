"""The AWS services behind the local stack: moto in this process, and DynamoDB Local where it is asked for."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto import mock_aws
from moto.core import models
from moto.core.botocore_stubber import BotocoreStubber
from moto.dynamodbstreams.models import ShardIterator, dynamodbstreams_backends

from banyan_tools.local.claims import claimed
from banyan_tools.local.console import Console
from banyan_tools.local.dispatch import dispatching_directly
from banyan_tools.local.dynamodb_local import DynamoDBLocal
from banyan_tools.local.environment import environment
from banyan_tools.local.errors import StackError
from banyan_tools.local.expressions import remembering_kinds
from banyan_tools.local.kinesis_shards import sharding_as_kinesis_does
from banyan_tools.local.leftovers import end_leftovers
from banyan_tools.local.lineage import keeping_lineage, sending_lineage
from banyan_tools.local.partitions import looking_at_one_partition
from banyan_tools.local.patching import patched
from banyan_tools.local.physical import REGION
from banyan_tools.local.plain_values import plain_values
from banyan_tools.local.refusals import refusing_what_dynamodb_refuses
from banyan_tools.local.scans import beginning_behind_the_last_page
from banyan_tools.local.statements import statements_with_conditions
from banyan_tools.local.transactions import undoing_touched_items
from banyan_tools.local.wakes import waking_readers


class Engine(StrEnum):
    """What the local stack's tables stand on."""

    MOTO = "moto"
    DYNAMODB_LOCAL = "dynamodb-local"


ENGINES = tuple(engine.value for engine in Engine)
OUTSIDE = "outside"
DYNAMODB_ENDPOINTS = ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_DYNAMODB_STREAMS")
OTHER_ENDPOINTS = (
    "AWS_ENDPOINT_URL_EVENTBRIDGE",
    "AWS_ENDPOINT_URL_KINESIS",
    "AWS_ENDPOINT_URL_LAMBDA",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS_ENDPOINT_URL_SNS",
    "AWS_ENDPOINT_URL_SQS",
)
ISOLATION: dict[str, str | None] = {
    "AWS_PROFILE": None,
    "AWS_ENDPOINT_URL": None,
    **dict.fromkeys((*DYNAMODB_ENDPOINTS, *OTHER_ENDPOINTS)),
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_SESSION_TOKEN": "local",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
KEPT_ITERATORS = 1000
QUICKER = (
    dispatching_directly,
    undoing_touched_items,
    looking_at_one_partition,
    beginning_behind_the_last_page,
    plain_values,
    remembering_kinds,
)


class RecentIterators(dict[str, ShardIterator]):
    """Shard iterators, the oldest dropped: moto would keep one for each read for ever."""

    def __setitem__(self, key: str, iterator: ShardIterator) -> None:
        super().__setitem__(key, iterator)
        if len(self) > KEPT_ITERATORS:
            del self[next(iter(self))]


@contextmanager
def engine(name: str, data: Path, console: Console) -> Iterator[None]:
    """Run ``moto`` or ``dynamodb-local`` until the block is left; ``outside`` runs in other processes.

    Raises
    ------
    StackError
        DynamoDB Local is asked for, and Java or the jar is missing; or nothing says where the services run.
    """
    if name in RUNNING:
        with RUNNING[name]():
            yield
        return
    with dynamodb_local_engine(data / "dynamodb", console.say) as server:
        console.say(
            f"DynamoDB Local at {server.endpoint} listens on every network interface of this machine;"
            f" it keeps its tables in {data / 'dynamodb'}."
        )
        yield


@contextmanager
def moto_engine(but: str | None = None) -> Iterator[None]:
    """Answer AWS requests of this process from memory, one at a time: moto is not thread-safe.

    It answers those of botocore alone: thousands of answers for the library `requests` are not made.

    Parameters
    ----------
    but : str, optional
        URL of a service that answers its own requests.
    """
    with ExitStack() as stack:
        stack.enter_context(environment(ISOLATION))
        stack.enter_context(serialized(but))
        for quicker in QUICKER:
            stack.enter_context(quicker())
        stack.enter_context(refusing_what_dynamodb_refuses())
        stack.enter_context(statements_with_conditions())
        stack.enter_context(sharding_as_kinesis_does())
        stack.enter_context(sending_lineage())
        stack.enter_context(keeping_lineage())
        stack.enter_context(patched(models, "RESPONSES_METHODS", ()))
        stack.enter_context(mock_aws())
        stack.enter_context(waking_readers())
        dynamodbstreams_backends[models.DEFAULT_ACCOUNT_ID][REGION].shard_iterators = RecentIterators()
        yield


@contextmanager
def outside_engine() -> Iterator[None]:
    """Send AWS requests to services that other processes run, where the environment says.

    Raises
    ------
    StackError
    """
    given = {name: os.environ.get(name) for name in ("AWS_ENDPOINT_URL", *DYNAMODB_ENDPOINTS)}
    if None in given.values():
        raise StackError(f"The engine {OUTSIDE} needs {', '.join(given)} in its environment.")
    with environment(ISOLATION | given), sending_lineage(), waking_readers():
        yield


RUNNING = {"moto": moto_engine, OUTSIDE: outside_engine}


@contextmanager
def dynamodb_local_engine(folder: Path, say: Callable[[str], None] | None = None) -> Iterator[DynamoDBLocal]:
    """Send DynamoDB requests to DynamoDB Local, which keeps its tables in a folder; moto answers the others.

    Raises
    ------
    StackError
        Java or the jar is missing, or another stack or program uses the folder.
    """
    with ExitStack() as stack:
        stack.enter_context(claimed(folder))
        end_leftovers(folder, say)
        server = stack.enter_context(DynamoDBLocal(in_memory=folder))
        stack.enter_context(moto_engine(server.endpoint))
        stack.enter_context(environment(dict.fromkeys(DYNAMODB_ENDPOINTS, server.endpoint)))
        yield server


@contextmanager
def serialized(but: str | None) -> Iterator[None]:
    """Let moto answer one request at a time, and not even see those that are none of its business."""
    lock = threading.RLock()
    original = BotocoreStubber.__call__

    def one_at_a_time(
        self: BotocoreStubber, event_name: str, request: AWSPreparedRequest, **kwargs: Any
    ) -> AWSResponse | None:
        if but and request.url and request.url.startswith(but):
            return None
        with lock:
            return original(self, event_name, request, **kwargs)

    with patched(BotocoreStubber, "__call__", one_at_a_time):
        yield
