"""The sample events: of the exact shape, made by the engine itself, and whole."""

from __future__ import annotations

import json

import pytest
from aws_lambda_powertools.utilities.parser.models import (
    APIGatewayProxyEventV2Model,
    DynamoDBStreamModel,
    EventBridgeModel,
    SqsModel,
)
from pydantic import BaseModel
from tests.support.sample_events import unpacked

from banyan.entrypoints.stream_batches import read_records
from banyan.store.base import follow
from banyan.streams import StreamHead
from banyan_tools.runtime.cases import EVENTS, SEED, cases, read_case
from banyan_tools.samples.history import TENANT
from orders.tools.samples.files import samples
from orders.tools.samples.orders import HISTORY, commits

SHAPES: dict[str, type[BaseModel]] = {
    "command_api": APIGatewayProxyEventV2Model,
    "query_api": APIGatewayProxyEventV2Model,
    "console": APIGatewayProxyEventV2Model,
    "projector": DynamoDBStreamModel,
    "reactor": DynamoDBStreamModel,
    "rebuild_worker": SqsModel,
    "change_marker": DynamoDBStreamModel,
    "reconciler": EventBridgeModel,
    "deadlines": EventBridgeModel,
    "migration_controller": EventBridgeModel,
}
SCHEDULED = "scheduled"


@pytest.mark.parametrize(("function", "case"), cases())
def test_an_event_has_the_shape_that_aws_gives_it(function: str, case: str) -> None:
    event = read_case(function, case)
    (EventBridgeModel if case == SCHEDULED else SHAPES[function]).model_validate(event)


def test_the_files_are_what_the_sample_orders_make_of_them() -> None:
    written = {f"{function}/{case}.json": unpacked(read_case(function, case)) for function, case in cases()}
    written[SEED] = unpacked(json.loads((EVENTS / SEED).read_text()))
    assert written == {name: unpacked(json.loads(text)) for name, text in samples().items()}


def test_the_images_of_new_records_decode_to_the_commits_of_the_sample_orders() -> None:
    records = read_records(read_case("projector", "insert")["Records"])
    wanted = [commit for order in HISTORY if order != "order-1006" for commit in commits(order)]
    assert records.commits == wanted
    assert (records.from_table, records.tampered, records.unnamed) == (set(), [], 0)


def test_the_digests_of_new_records_hold_from_the_first_to_the_last() -> None:
    batch = read_records(read_case("projector", "insert")["Records"]).commits
    streams = {commit.stream for commit in batch}
    assert len(streams) == 5
    for stream in streams:
        chain = [commit for commit in batch if commit.stream == stream]
        assert list(follow(StreamHead.empty(stream), chain)) == chain


@pytest.mark.parametrize("name", ["modify", "remove"])
def test_tampering_shows_the_commit_that_was_there(name: str) -> None:
    records = read_records(read_case("projector", name)["Records"])
    assert records.tampered == [(f"{TENANT}:order:order-1004", "3")]
    assert records.commits == []


def test_a_snapshot_is_neither_a_commit_nor_tampering() -> None:
    records = read_records(read_case("projector", "snapshot")["Records"])
    assert (records.commits, records.tampered, records.from_table) == ([], [], set())
