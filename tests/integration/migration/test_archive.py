"""The archive of a legacy system: whole or none, and back into empty tables as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from tests.engines import DynamoDBEngine
from tests.integration.migration.archives import MemoryObjects, archived, empty, worker
from tests.integration.migration.moments import deaths
from tests.integration.migration.world import DUAL, EVENTS, TURNED, World
from tests.legacies import LEGACY_TABLE, order
from tools.local.physical import REGION

from banyan.aws.clients import s3_client
from banyan.errors import Conflict
from banyan.migration.archive import reading
from banyan.migration.archive.manifest import Manifest
from banyan.migration.archive.objects import S3Objects
from banyan.migration.archive.state import Restoration, Stage
from banyan.migration.archive.tables_dynamodb import DynamoDBTables
from banyan.streams import StreamId

ORDERS = [order(number) for number in range(1, 6)]
TABLES = {"dynamodb": {"items": 5}, "postgres": {"orders": 5, "order_items": 7, "banyan_link": 5}}


@pytest.fixture
def objects() -> MemoryObjects:
    """An empty bucket."""
    return MemoryObjects()


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rows to a page, few pages to an object."""
    monkeypatch.setattr(reading, "PAGE", 2)
    monkeypatch.setattr(reading, "PIECE_BYTES", 600)


@pytest.fixture
def ended(moto_world: World) -> World:
    """A world in which events stand alone, with orders from before and from behind the turn."""
    moto_world.go_to(DUAL)
    for stream in ORDERS[:3]:
        moto_world.create(stream)
    moto_world.go_to(TURNED)
    for stream in ORDERS[3:]:
        moto_world.create(stream)
        moto_world.add(stream)
    moto_world.go_to(EVENTS)
    return moto_world


def rows(world: World) -> dict[StreamId, object]:
    """Every row of the legacy system."""
    return {found.stream: found for found in world.parts.repository.scan(None, 100)}


def restored(world: World, objects: MemoryObjects, archive: str | None = None) -> Restoration:
    """A restoration that was asked for and worked on to its end."""
    world.process().end.archives.restore(archive)
    done = worker(world, objects).restore_on()
    assert done is not None
    return done


def manifest_of(objects: MemoryObjects, id: str) -> Manifest:
    """What lies in the bucket as the manifest of an archive."""
    return Manifest.model_validate_json(objects.kept[f"legacy/order/{id}/manifest.json"])


@pytest.mark.usefixtures("small_pieces")
def test_an_archive_says_what_it_holds_and_is_read_back(ended: World, objects: MemoryObjects, kind: str) -> None:
    archive = archived(ended, objects)
    assert (archive.stage, archive.damage, archive.checked) == (Stage.VERIFIED, "", archive.parts)
    manifest = manifest_of(objects, archive.id)
    manifest.expect_whole()
    assert {table.name: table.rows for table in manifest.tables} == TABLES[kind]
    assert manifest.phase_version == ended.parts.phases.version()
    assert len(objects.kept) == len(manifest.parts) + 1 > len(TABLES[kind]) + 1
    assert all(len(part.lines(objects.kept[part.key])) == part.rows for part in manifest.parts)


@pytest.mark.usefixtures("small_pieces")
def test_what_is_restored_equals_what_was_archived(ended: World, objects: MemoryObjects) -> None:
    before, archive = rows(ended), archived(ended, objects)
    empty(ended)
    assert rows(ended) == {}
    done = restored(ended, objects)
    assert (done.archive, done.damage, done.ended_at is not None) == (archive.id, "", True)
    assert rows(ended) == before
    assert len(before) == len(ORDERS)


def test_before_legacy_writes_are_off_nothing_is_archived(moto_world: World) -> None:
    moto_world.go_to(TURNED)
    with pytest.raises(Conflict, match="in event_store, not in canary") as refused:
        moto_world.parts.end.archives.begin()
    assert refused.value.code == "archive_out_of_phase"


def test_an_archive_that_dies_anywhere_is_finished_and_never_taken_for_whole(
    ended: World, objects: MemoryObjects
) -> None:
    archived(ended, objects)
    expected = manifest_of(objects, next(iter(objects.kept)).split("/")[2]).tables

    def work(_: int) -> None:
        ended.process().end.archives.begin(anew=True)
        worker(ended, objects).go_on()

    for _ in deaths(ended, work, objects):
        left = ended.parts.end.archives.progress()
        assert left is not None
        if left.stage in (Stage.CHECKING, Stage.VERIFIED):
            assert manifest_of(objects, left.id).tables == expected
        done = worker(ended, objects).go_on()
        assert done is not None
        assert (done.stage, manifest_of(objects, done.id).tables) == (Stage.VERIFIED, expected)


def test_a_restoration_that_dies_anywhere_is_finished(ended: World, objects: MemoryObjects) -> None:
    before, archive = rows(ended), archived(ended, objects)
    empty(ended)

    def work(_: int) -> None:
        restored(ended, objects, archive.id)

    for _ in deaths(ended, work, objects):
        if rows(ended) == {}:
            ended.process().end.archives.restore(archive.id)
        done = worker(ended, objects).restore_on()
        assert done is not None
        assert (done.damage, done.finished) == ("", True)
        assert rows(ended) == before
        empty(ended)


def test_two_workers_do_not_mix_their_work(ended: World, objects: MemoryObjects) -> None:
    ended.parts.end.archives.begin()
    late = worker(ended, objects)

    def overtake() -> None:
        objects.behind = lambda: None
        worker(ended, objects).go_on()

    objects.behind = overtake
    with pytest.raises(Conflict) as refused:
        late.go_on()
    assert refused.value.code == "overtaken"
    archive = late.go_on()
    assert archive is not None
    assert archive.stage is Stage.VERIFIED


def test_an_object_that_was_damaged_is_noticed_when_it_is_read_back(ended: World, objects: MemoryObjects) -> None:
    def damage() -> None:
        objects.kept = {key: content[:-1] if key.endswith(".gz") else content for key, content in objects.kept.items()}
        objects.behind = lambda: None

    ended.parts.end.archives.begin()
    objects.behind = damage
    damaged = worker(ended, objects).go_on()
    assert damaged is not None
    assert (damaged.stage, "is not the object that was written" in damaged.damage) == (Stage.DAMAGED, True)
    again = archived(ended, objects)
    assert (again.stage, again.id != damaged.id) == (Stage.VERIFIED, True)


def test_tables_that_hold_rows_are_left_alone(ended: World, objects: MemoryObjects) -> None:
    archive = archived(ended, objects)
    with pytest.raises(Conflict, match="holds rows") as refused:
        ended.parts.end.archives.restore(archive.id)
    assert refused.value.code == "legacy_not_empty"


Damage = Callable[[dict[str, bytes], str], object]
DAMAGES: dict[str, tuple[Damage, str]] = {
    "no manifest": (lambda kept, manifest: kept.pop(manifest), "has no manifest"),
    "another count": (
        lambda kept, manifest: kept.update({manifest: kept[manifest].replace(b'"rows":5', b'"rows":6')}),
        "is not the one that was written",
    ),
    "a part is missing": (lambda kept, manifest: kept.pop(next(key for key in kept if key != manifest)), "is missing"),
    "a part is another": (
        lambda kept, manifest: kept.update({key: kept[key] + b"\0" for key in kept if key != manifest}),
        "is not the object that was written",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_nothing_is_restored_from_an_archive_whose_checksums_do_not_hold(
    ended: World, objects: MemoryObjects, damage: str
) -> None:
    archive = archived(ended, objects)
    empty(ended)
    how, expected = DAMAGES[damage]
    how(objects.kept, f"legacy/order/{archive.id}/manifest.json")
    done = restored(ended, objects)
    assert (expected in done.damage, done.written, done.ended_at) == (True, 0, None)
    assert rows(ended) == {}


def test_every_kind_of_attribute_comes_back_as_it_was(dynamodb: DynamoDBEngine) -> None:
    tables = []
    for name in ("source", "target"):
        table = f"{name}-{dynamodb.named('migration')}"
        dynamodb.client.create_table(TableName=table, **LEGACY_TABLE)  # type: ignore[arg-type]
        tables.append(DynamoDBTables(dynamodb.client, table, "order"))
    source, target = tables
    item: dict[str, Any] = {
        "tenant": {"S": "acme"},
        "id": {"S": "o-1"},
        "version": {"N": "3"},
        "price": {"N": "4.5"},
        "raw": {"B": b"\x00\xff"},
        "names": {"SS": ["b", "a"]},
        "numbers": {"NS": ["2", "1"]},
        "raws": {"BS": [b"\x01", b"\x00"]},
        "nothing": {"NULL": True},
        "yes": {"BOOL": True},
        "nested": {"M": {"list": {"L": [{"B": b"\x02"}, {"S": "é\n"}]}}},
    }
    dynamodb.client.put_item(TableName=source._table, Item=item)
    page = source.page("items", None, 10)
    target.insert("items", page.lines)
    assert target.page("items", None, 10) == page
    assert page.unaligned == ["acme:order:o-1"]
    assert b"AP8=" in page.lines[0]


@pytest.mark.usefixtures("moto")
def test_objects_lie_in_a_bucket_of_s3() -> None:
    boto3.client("s3").create_bucket(Bucket="archive", CreateBucketConfiguration={"LocationConstraint": REGION})
    objects = S3Objects(s3_client, "archive")
    assert objects.get("a/b.json") is None
    objects.put("a/b.json", b"{}")
    assert objects.get("a/b.json") == b"{}"
