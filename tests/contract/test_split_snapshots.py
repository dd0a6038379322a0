"""Snapshots above 400 KB: written in parts, read as a whole or not at all."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from tests.support.engines import DynamoDBEngine, Engine, MemoryEngine
from tests.support.ledger import REGISTRY, Deposit, Deposited, Withdrawn, account, deposits, noise
from tests.support.projections import CountingTelemetry

from banyan.commands.handler import CommandHandler
from banyan.decider import Decider
from banyan.errors import SnapshotTooLarge
from banyan.events import CamelModel, DomainEvent
from banyan.projections.snapshotter import Snapshotter
from banyan.reconciliation.rows import Histories
from banyan.reconciliation.streams import StreamVerification
from banyan.store import EventStore, Snapshot
from banyan.store.eventstore import snapshot_of, write_snapshot
from banyan.store.items import MAX_ITEM_BYTES, MAX_SNAPSHOT_BYTES, item_size, snapshot_items
from banyan.store.verify import DamageKind, verify_stream
from banyan.streams import StreamHead

A = account("a")
MB = 1024 * 1024
NOTE = 300 * 1024
GOLDEN = Path(__file__).parent / "golden" / "split-snapshot" / "2026-11-26.json"
OF_GOLDEN = Snapshot(A, 21, "f" * 64, 3, '{"notes":["Köln"],"movements":21}', "fingerprint-1")


class Notebook(CamelModel):
    """A state that grows by 300 KB with each deposit, and hardly compresses."""

    notes: tuple[str, ...] = ()


def evolve(notebook: Notebook, event: DomainEvent) -> Notebook:
    return Notebook(notes=(*notebook.notes, noise(NOTE, event.amount))) if isinstance(event, Deposited) else notebook


def decide(command: Deposit, notebook: Notebook) -> Sequence[DomainEvent]:  # noqa: ARG001
    return deposits(command.amount)


NOTEBOOK: Decider[Notebook, Deposit] = Decider("account", Notebook, decide, evolve, Notebook)


def filled(store: EventStore, notes: int) -> StreamHead:
    """A stream whose state has so many notes."""
    head = StreamHead.empty(A)
    for number in range(notes):
        head = store.append(A, head, deposits(number)).head
    return head


def found(store: EventStore) -> Snapshot | None:
    return store.load(A, state_version=1).snapshot


def items_of(engine: DynamoDBEngine) -> list[dict[str, Any]]:
    """The items of the stream that are not commits, in order."""
    items: Any = engine.client.query(
        TableName=engine.events,
        KeyConditionExpression="#s = :s",
        ExpressionAttributeNames={"#s": "stream"},
        ExpressionAttributeValues={":s": {"S": A.name}},
    )["Items"]
    return [item for item in items if "commit_id" not in item]


def test_a_state_above_400_kb_is_kept_and_restored(engine: Engine) -> None:
    store = engine.store(REGISTRY)
    filled(store, 4)

    written = write_snapshot(store, NOTEBOOK, A)
    assert written is not None
    assert len(written.state) > 2 * MAX_ITEM_BYTES
    (last,) = store.append(A, store.head(A), deposits(9)).events

    assert found(store) == written
    assert store.load(A, state_version=2).snapshot is None
    loaded = CommandHandler(store, NOTEBOOK).load(A)
    assert loaded.state == NOTEBOOK.fold(event.payload for event in store.read(A))
    assert list(store.read(A, after=4)) == [last]
    assert verify_stream(store, A, NOTEBOOK).problems == ()


def test_it_is_a_write_for_each_part_and_read_with_what_follows_it(dynamodb_local: DynamoDBEngine) -> None:
    store = dynamodb_local.store(REGISTRY)
    filled(store, 3)
    dynamodb_local.wire.clear()

    write_snapshot(store, NOTEBOOK, A)
    parts = items_of(dynamodb_local)
    assert dynamodb_local.wire.sent == ["Query", *["PutItem"] * 3, "Query"]
    assert [item["position"]["N"] for item in parts] == ["3.5", "3.501", "3.502"]
    assert all(item_size(item) <= MAX_ITEM_BYTES for item in parts)
    dynamodb_local.wire.clear()

    assert CommandHandler(store, NOTEBOOK).load(A).head.version == 3
    assert dynamodb_local.wire.sent == ["Query"]


def test_the_largest_one_takes_a_page_for_each_mb(dynamodb_local: DynamoDBEngine) -> None:
    store = dynamodb_local.store(REGISTRY)
    head = store.append(A, 0, deposits(1)).head
    largest = snapshot_of(NOTEBOOK, head, Notebook(notes=(noise(5 * MB),)))
    store.save_snapshot(largest)
    dynamodb_local.wire.clear()

    assert found(store) == largest
    assert set(dynamodb_local.wire.sent) == {"Query"}
    assert len(dynamodb_local.wire.sent) <= ceil(MAX_SNAPSHOT_BYTES / MB) + 1


def test_what_is_torn_stale_or_missing_is_folded_from_the_events(dynamodb_local: DynamoDBEngine) -> None:
    store = dynamodb_local.store(REGISTRY)
    filled(store, 4)
    written = write_snapshot(store, NOTEBOOK, A)
    assert written
    parts = items_of(dynamodb_local)
    other = snapshot_items(replace(written, state=Notebook(notes=(noise(4 * NOTE, 99),)).model_dump_json()))
    assert len(parts) == len(other) == 4
    strangers = {item["position"]["N"]: item for item in other}
    state = NOTEBOOK.fold(event.payload for event in store.read(A))
    garbled = {"chunk": {"B": b"garbled"}}

    for part in parts:
        key = {name: part[name] for name in ("stream", "position")}
        dynamodb_local.client.delete_item(TableName=dynamodb_local.events, Key=key)
        folded(store, state)
        for instead in (strangers[part["position"]["N"]], part | garbled, without(part, ["chunk"])):
            dynamodb_local.client.put_item(TableName=dynamodb_local.events, Item=instead)
            assert found(store) is None
        dynamodb_local.client.put_item(TableName=dynamodb_local.events, Item=part)
    assert found(store) == written


def folded(store: EventStore, state: Notebook) -> None:
    """Expect that no snapshot is found, that a load folds all events, and that nothing is wrong with the stream."""
    assert found(store) is None
    assert CommandHandler(store, NOTEBOOK).load(A).state == state
    assert verify_stream(store, A, NOTEBOOK).problems == ()


@pytest.mark.parametrize("notes", [(3, 4), (4, 3), (3, 0), (0, 3)], ids=["grows", "shrinks", "to one", "from one"])
def test_of_two_for_one_version_the_one_written_last_counts(
    dynamodb_local: DynamoDBEngine, notes: tuple[int, int]
) -> None:
    store = dynamodb_local.store(REGISTRY)
    head = filled(store, 1)
    first, second = (
        snapshot_of(NOTEBOOK, head, Notebook(notes=tuple(noise(NOTE, seed + 50) for seed in range(count))))
        for count in notes
    )
    store.save_snapshot(first)
    assert found(store) == first
    for item in snapshot_items(second)[:-1]:
        dynamodb_local.client.put_item(TableName=dynamodb_local.events, Item=item)
        assert found(store) in ((first,) if notes[0] == 0 else (first, None)), "half of the second one is seen"

    store.save_snapshot(second)
    assert found(store) == second


def test_one_that_was_interrupted_does_not_hide_the_one_before_though_the_state_is_the_same(
    moto: DynamoDBEngine,
) -> None:
    store = moto.store(REGISTRY)
    head = filled(store, 3)
    written = write_snapshot(store, NOTEBOOK, A)
    assert written
    later = store.append(A, head, [Withdrawn(amount=1)]).head
    for item in snapshot_items(replace(written, version=later.version, digest=later.digest))[:-1]:
        moto.client.put_item(TableName=moto.events, Item=item)
    assert found(store) == written


def test_a_wrong_one_is_found_and_replaced_by_the_fold(dynamodb_local: DynamoDBEngine) -> None:
    store = dynamodb_local.store(REGISTRY)
    head = filled(store, 3)
    forged = snapshot_of(NOTEBOOK, head, Notebook(notes=(noise(4 * NOTE),)))
    store.save_snapshot(forged)
    verification = StreamVerification(
        store, [NOTEBOOK], dynamodb_local.documents(), lambda: head.recorded_at, {}, Histories(store)
    )

    (finding,) = verification.verify([A.name])
    assert (finding.kind, finding.version) == (DamageKind.SNAPSHOT_STATE, 3)
    verification.repair(finding)

    assert verification.verify([A.name]) == []
    repaired = found(store)
    assert repaired is not None
    assert NOTEBOOK.state.model_validate_json(repaired.state) == NOTEBOOK.fold(e.payload for e in store.read(A))


def before(item: Mapping[str, Any]) -> Snapshot:
    """A snapshot as code reads it that was deployed before there were parts."""
    state = item["state"]
    return Snapshot(
        stream=A,
        version=int(Decimal(item["position"]["N"])),
        digest=item["digest"]["S"],
        state_version=int(item["state_version"]["N"]),
        state=zlib.decompress(state["B"]).decode() if "B" in state else str(state["S"]),
        fingerprint=item.get("fingerprint", {"S": ""})["S"],
    )


def test_code_that_knows_no_parts_passes_them_over() -> None:
    for item in golden():
        seen = before(item)
        assert (seen.version, seen.digest, seen.state) == (OF_GOLDEN.version, OF_GOLDEN.digest, "")
        assert not NOTEBOOK.reads(seen.state_version, "")
        assert not float(item["position"]["N"]).is_integer()


def test_parts_that_were_written_once_are_read(moto: DynamoDBEngine) -> None:
    for item in golden():
        moto.client.put_item(TableName=moto.events, Item=item)

    assert list(moto.table().forward(A, 0)) == list(moto.table().backward(A)) == [OF_GOLDEN]


def test_today_parts_are_written_as_the_golden_ones(moto: DynamoDBEngine) -> None:
    large = replace(OF_GOLDEN, state=Notebook(notes=(noise(2 * NOTE),)).model_dump_json())
    moto.table().put_snapshot(large)

    content = ("chunk", "whole")
    assert [without(item, content) for item in items_of(moto)] == [without(item, content) for item in golden()]
    assert zlib.decompress(b"".join(item["chunk"]["B"] for item in items_of(moto))).decode() == large.state


def without(item: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    assert set(names) <= item.keys()
    return {name: value for name, value in item.items() if name not in names}


def golden() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        GOLDEN.read_text(), object_hook=lambda v: base64.b64decode(v["base64"]) if "base64" in v else v
    )
    return found


def test_above_the_limit_none_is_written_and_that_is_reported_once(
    memory: MemoryEngine, caplog: pytest.LogCaptureFixture
) -> None:
    store, telemetry = memory.store(REGISTRY), CountingTelemetry()
    head = filled(store, 20)
    snapshotter = Snapshotter(store, [NOTEBOOK], 10, telemetry)

    for _ in range(2):
        snapshotter.renew([(A, head.version)])

    assert found(store) is None
    assert telemetry.counts == {"SnapshotsTooLarge": 1}
    assert caplog.messages == ["no snapshot holds this state: loads fold all events of the stream"]
    with pytest.raises(SnapshotTooLarge, match=f"a snapshot holds {MAX_SNAPSHOT_BYTES}"):
        write_snapshot(store, NOTEBOOK, A)
