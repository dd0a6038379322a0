"""The archive of a legacy system: whole or none, and back into empty tables as it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from itertools import count
from typing import Any

import boto3
import pytest
from tests.orders.integration.migration.conftest import slow_on_postgres
from tests.orders.support.archives import MemoryObjects, archived, empty, forge, worker
from tests.orders.support.legacies import LEGACY_TABLE, OnDynamoDB, order
from tests.orders.support.migration import CUT_OVER, DUAL, EVENTS, MigrationFixture
from tests.orders.support.moments import Moments, deaths, every_third, meanwhile, stepping
from tests.support.engines import DynamoDBEngine
from tests.support.interruptions import Killed

from banyan.adapters.clients import s3_client
from banyan.adapters.dynamodb.gateway import Gateway
from banyan.errors import Conflict
from banyan.migration.archive import tables as reading
from banyan.migration.archive.manifest import Manifest, S3Objects
from banyan.migration.archive.tables import ArchiveStage, Restoration
from banyan.migration.archive.tables_dynamodb import DynamoDBTables
from banyan.migration.archive.worker import ArchiveWorker
from banyan.streams import StreamId
from banyan_tools.local.physical import REGION

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
def several_parts(request: pytest.FixtureRequest, kind: str) -> None:
    """More than one object: on PostgreSQL the tables alone see to that."""
    if kind == "dynamodb":
        request.getfixturevalue("small_pieces")


@pytest.fixture
def ended(moto_migration: MigrationFixture) -> MigrationFixture:
    """A migration in which events stand alone, with orders from before and from after the cutover."""
    moto_migration.go_to(DUAL)
    for stream in ORDERS[:3]:
        moto_migration.create(stream)
    moto_migration.go_to(CUT_OVER)
    for stream in ORDERS[3:]:
        moto_migration.create(stream)
        moto_migration.add(stream)
    moto_migration.go_to(EVENTS)
    return moto_migration


def rows(migrating: MigrationFixture) -> dict[StreamId, object]:
    """Every row of the legacy system."""
    return {found.stream: found for found in migrating.migration.repository.scan(None, 100)}


def restored(migrating: MigrationFixture, objects: MemoryObjects, archive: str | None = None) -> Restoration:
    """A restoration that was asked for and worked on to its end."""
    migrating.process().archives.restore(archive)
    done = worker(migrating, objects).restore_on()
    assert done is not None
    return done


def manifest_of(objects: MemoryObjects, id: str) -> Manifest:
    """What lies in the bucket as the manifest of an archive."""
    return Manifest.model_validate_json(objects.kept[f"legacy/order/{id}/manifest.json"])


@pytest.mark.usefixtures("small_pieces")
def test_an_archive_says_what_it_holds_and_is_read_back(
    ended: MigrationFixture, objects: MemoryObjects, kind: str
) -> None:
    archive = archived(ended, objects)
    assert (archive.stage, archive.damage, archive.checked) == (ArchiveStage.VERIFIED, "", archive.parts)
    manifest = manifest_of(objects, archive.id)
    manifest.expect_whole()
    assert {table.name: table.rows for table in manifest.tables} == TABLES[kind]
    assert manifest.phase_version == ended.migration.phases.version()
    assert len(objects.kept) == len(manifest.parts) + 1 > len(TABLES[kind]) + 1
    assert all(len(part.lines(objects.kept[part.key])) == part.rows for part in manifest.parts)


@pytest.mark.usefixtures("small_pieces")
def test_what_is_restored_equals_what_was_archived(ended: MigrationFixture, objects: MemoryObjects) -> None:
    before, archive = rows(ended), archived(ended, objects)
    empty(ended)
    assert rows(ended) == {}
    done = restored(ended, objects)
    assert (done.archive, done.damage, done.ended_at is not None) == (archive.id, "", True)
    assert rows(ended) == before
    assert len(before) == len(ORDERS)


def test_before_legacy_writes_are_off_nothing_is_archived(moto_migration: MigrationFixture) -> None:
    moto_migration.go_to(CUT_OVER)
    with pytest.raises(Conflict, match="in event_store, not in canary") as refused:
        moto_migration.migration.archives.begin()
    assert refused.value.code == "archive_out_of_phase"


def test_an_archive_that_another_one_has_replaced_is_not_made_again(
    ended: MigrationFixture, objects: MemoryObjects
) -> None:
    first, archives = archived(ended, objects), ended.migration.archives
    ended.clock.move(timedelta(minutes=1))
    second = archives.begin(again=True, instead_of=first.id)
    assert second.id != first.id
    ended.clock.move(timedelta(minutes=1))
    assert archives.begin(again=True, instead_of=first.id).id == second.id, "whose answer was lost"
    worker(ended, objects).go_on()
    assert archives.begin(again=True, instead_of=first.id).id == second.id
    assert archives.begin(again=True, instead_of=second.id).id not in {first.id, second.id}


@slow_on_postgres
def test_an_archive_that_dies_anywhere_is_finished_and_never_taken_for_whole(
    ended: MigrationFixture, objects: MemoryObjects
) -> None:
    archived(ended, objects)
    expected = manifest_of(objects, next(iter(objects.kept)).split("/")[2]).tables

    def work(_: int) -> None:
        ended.process().archives.begin(again=True)
        worker(ended, objects).go_on()

    for _ in deaths(ended, work, objects, numbers=every_third()):
        left = ended.migration.archives.progress()
        assert left is not None
        if left.stage in (ArchiveStage.CHECKING, ArchiveStage.VERIFIED):
            assert manifest_of(objects, left.id).tables == expected
        done = worker(ended, objects).go_on()
        assert done is not None
        assert (done.stage, manifest_of(objects, done.id).tables) == (ArchiveStage.VERIFIED, expected)


@slow_on_postgres
def test_a_restoration_that_dies_anywhere_is_finished(ended: MigrationFixture, objects: MemoryObjects) -> None:
    before, archive = rows(ended), archived(ended, objects)
    empty(ended)

    def work(_: int) -> None:
        restored(ended, objects, archive.id)

    for _ in deaths(ended, work, objects, numbers=every_third()):
        if rows(ended) == {}:
            ended.process().archives.restore(archive.id)
        done = worker(ended, objects).restore_on()
        assert done is not None
        assert (done.damage, done.finished) == ("", True)
        assert rows(ended) == before
        empty(ended)


Other = Callable[[MigrationFixture, MemoryObjects], object]


def finishes(migrating: MigrationFixture, objects: MemoryObjects) -> None:
    """Does everything that is left to do."""
    worker(migrating, objects).go_on()


def finishes_in_the_same_process(migrating: MigrationFixture, objects: MemoryObjects) -> None:
    """As another thread of this process does, with the same parts."""
    ArchiveWorker(migrating.migration.archives, objects, migrating.clock).go_on()


def only_looks(migrating: MigrationFixture, objects: MemoryObjects) -> None:
    """Asks how far it has come, in the same process, after another one finished it."""
    finishes(migrating, objects)
    migrating.migration.archives.progress()


def makes_a_step_and_dies(migrating: MigrationFixture, objects: MemoryObjects) -> None:
    """Dies behind the first object that it puts or gets."""
    with stepping(migrating, Moments(2), objects, within=False), suppress(Killed):
        worker(migrating, objects).go_on()


def asks_for_another(migrating: MigrationFixture, objects: MemoryObjects) -> None:
    """Begins another archive, and finishes it."""
    archived(migrating, objects, again=True)


@pytest.mark.slow
@pytest.mark.usefixtures("several_parts")
@pytest.mark.parametrize(
    ("kind", "other", "first"),
    [
        ("postgres", finishes, 1),
        ("dynamodb", finishes_in_the_same_process, 1),
        ("dynamodb", only_looks, 2),
        ("dynamodb", makes_a_step_and_dies, 3),
        ("dynamodb", asks_for_another, 1),
    ],
    indirect=["kind"],
)
def test_two_workers_at_any_step_leave_one_good_archive(
    ended: MigrationFixture, objects: MemoryObjects, other: Other, first: int
) -> None:
    expected = manifest_of(objects, archived(ended, objects).id).tables
    for number in every_third(first):
        ended.migration.archives.begin(again=True)
        late = ArchiveWorker(ended.migration.archives, objects, ended.clock)
        moments = Moments(number, lambda: comes_between(ended, objects, other))
        with stepping(ended, moments, objects, within=False), suppress(Conflict):
            late.go_on()
        done = worker(ended, objects).go_on()
        assert done is not None
        assert (done.stage, done.damage, manifest_of(objects, done.id).tables) == (ArchiveStage.VERIFIED, "", expected)
        expect_restorable(ended, objects, done.id)
        if moments.passed < number:
            break
    assert number > 10


def comes_between(migrating: MigrationFixture, objects: MemoryObjects, other: Other) -> None:
    """Another process acts, at a moment of this one."""
    meanwhile(migrating, lambda _: other(migrating, objects), objects)


def expect_restorable(migrating: MigrationFixture, objects: MemoryObjects, id: str) -> None:
    """Expect that an archive goes back into empty tables."""
    empty(migrating)
    assert restored(migrating, objects, id).damage == ""


@pytest.mark.parametrize("kind", ["dynamodb"], indirect=True)
def test_a_row_that_is_written_between_two_workers_is_in_the_archive_once_or_not_at_all(
    ended: MigrationFixture, objects: MemoryObjects
) -> None:
    def writes_a_row_first(migrating: MigrationFixture, objects: MemoryObjects) -> None:
        assert isinstance(migrating.legacy, OnDynamoDB)
        item = {"tenant": {"S": "acme"}, "id": {"S": f"x-{next(numbers)}"}, "version": {"N": "1"}}
        migrating.engine.client.put_item(TableName=migrating.legacy.table, Item=item)
        finishes(migrating, objects)

    numbers = count(1)
    for number in count(1):
        ended.migration.archives.begin(again=True)
        moments = Moments(number, lambda: comes_between(ended, objects, writes_a_row_first))
        with stepping(ended, moments, objects), suppress(Conflict):
            worker(ended, objects).go_on()
        done = worker(ended, objects).go_on()
        assert done is not None
        assert (done.stage, done.damage) == (ArchiveStage.VERIFIED, "")
        assert manifest_of(objects, done.id).tables == done.reading.tables
        if moments.passed < number:
            break


def test_a_worker_that_was_overtaken_says_so_and_continues_from_there(
    ended: MigrationFixture, objects: MemoryObjects
) -> None:
    ended.migration.archives.begin()
    late = worker(ended, objects)
    moments = Moments(2, lambda: comes_between(ended, objects, finishes))
    with stepping(ended, moments, objects), pytest.raises(Conflict) as refused:
        late.go_on()
    assert refused.value.code == "overtaken"
    archive = late.go_on()
    assert archive is not None
    assert archive.stage is ArchiveStage.VERIFIED


@pytest.mark.slow
@pytest.mark.usefixtures("several_parts")
def test_two_workers_at_any_step_restore_the_same(ended: MigrationFixture, objects: MemoryObjects) -> None:
    before, archive = rows(ended), archived(ended, objects)
    for number in every_third():
        empty(ended)
        ended.process().archives.restore(archive.id)
        moments = Moments(number, lambda: comes_between(ended, objects, restores))
        with stepping(ended, moments, objects, within=False), suppress(Conflict):
            worker(ended, objects).restore_on()
        done = worker(ended, objects).restore_on()
        assert done is not None
        assert (done.damage, done.finished, rows(ended)) == ("", True, before)
        if moments.passed < number:
            break
    assert number > 10


def restores(migrating: MigrationFixture, objects: MemoryObjects) -> None:
    """Puts back everything that is left."""
    worker(migrating, objects).restore_on()


def test_an_object_that_was_damaged_is_noticed_when_it_is_read_back(
    ended: MigrationFixture, objects: MemoryObjects
) -> None:
    def damage() -> None:
        objects.kept = {key: content[:-1] if key.endswith(".gz") else content for key, content in objects.kept.items()}
        objects.behind = lambda: None

    ended.migration.archives.begin()
    objects.behind = damage
    damaged = worker(ended, objects).go_on()
    assert damaged is not None
    assert (damaged.stage, "is not the object that was written" in damaged.damage) == (ArchiveStage.DAMAGED, True)
    again = archived(ended, objects)
    assert (again.stage, again.id != damaged.id) == (ArchiveStage.VERIFIED, True)


def test_tables_that_hold_rows_are_left_alone(ended: MigrationFixture, objects: MemoryObjects) -> None:
    archive = archived(ended, objects)
    with pytest.raises(Conflict, match="holds rows") as refused:
        ended.migration.archives.restore(archive.id)
    assert refused.value.code == "legacy_not_empty"


def test_an_archive_that_is_not_finished_is_not_restored(ended: MigrationFixture) -> None:
    archives = ended.migration.archives
    id = archives.begin().id
    empty(ended)
    for named in (None, id):
        with pytest.raises(Conflict, match="is not finished") as refused:
            archives.restore(named)
        assert refused.value.code == "archive_unfinished"
    assert archives.restoration() is None


def test_a_whole_manifest_that_is_not_the_archives_own_is_noticed(
    ended: MigrationFixture, objects: MemoryObjects
) -> None:
    archive = archived(ended, objects)
    empty(ended)
    forged = manifest_of(objects, archive.id).model_copy(update={"tables": (), "parts": ()}).sealed()
    objects.kept[f"legacy/order/{archive.id}/manifest.json"] = forged.model_dump_json(by_alias=True).encode()
    assert "is not the one that was written" in restored(ended, objects).damage


@pytest.mark.parametrize("kind", ["dynamodb"], indirect=True)
def test_a_late_worker_does_not_undo_what_was_written_after_a_restoration(
    ended: MigrationFixture, objects: MemoryObjects
) -> None:
    assert isinstance(ended.legacy, OnDynamoDB)
    archived(ended, objects)
    tables = DynamoDBTables(Gateway(ended.engine.client), ended.legacy.table, "order")
    page = tables.page("items", None, 10)
    forge(ended, ORDERS[0].id)
    changed = tables.page("items", None, 10)
    tables.insert("items", page.lines)
    assert tables.page("items", None, 10) == changed != page


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
    ended: MigrationFixture, objects: MemoryObjects, damage: str
) -> None:
    archive = archived(ended, objects)
    empty(ended)
    how, expected = DAMAGES[damage]
    how(objects.kept, f"legacy/order/{archive.id}/manifest.json")
    done = restored(ended, objects)
    assert (expected in done.damage, done.written, done.ended_at) == (True, 0, None)
    assert rows(ended) == {}


def test_every_kind_of_attribute_comes_back_as_it_was(dynamodb: DynamoDBEngine) -> None:
    gateway, names = Gateway(dynamodb.client), ("source", "target")
    source, target = (DynamoDBTables(gateway, dynamodb.named(name, LEGACY_TABLE), "order") for name in names)
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
        "sets inside": {"L": [{"M": {"numbers": {"NS": ["1.50", "-2"]}}}, {"SS": ["b", "a"]}, {"BS": [b"\xff"]}]},
        "empty": {"L": [{"S": ""}, {"B": b""}, {"L": []}, {"M": {}}, {"NULL": True}, {"BOOL": False}]},
        "digits": {"L": [{"N": "12345678901234567890123456789012345678"}, {"N": "1E-130"}, {"N": "9.9E+125"}]},
        "S": {"S": "S"},
    }
    dynamodb.client.put_item(TableName=source.table, Item=item)
    page = source.page("items", None, 10)
    target.insert("items", page.lines)
    assert target.page("items", None, 10) == page
    assert (source.rehearse("items", page.lines), target.kind) == (page.lines, source.kind)
    key = {name: item[name] for name in ("tenant", "id")}
    before, after = (dynamodb.client.get_item(TableName=each.table, Key=key)["Item"] for each in (source, target))
    assert {name: unordered(value) for name, value in after.items()} == {
        name: unordered(value) for name, value in before.items()
    }
    assert page.out_of_sync == ["acme:order:o-1"]
    assert b"AP8=" in page.lines[0]


def unordered(attribute: Mapping[str, Any]) -> Any:
    """An attribute in which a set has no order: engines return its values in one of their own."""
    ((kind, value),) = attribute.items()
    match kind:
        case "SS" | "NS" | "BS":
            assert len(set(value)) == len(value)
            return kind, frozenset(value)
        case "L":
            return kind, [unordered(each) for each in value]
        case "M":
            return kind, {name: unordered(each) for name, each in value.items()}
    return kind, value


@pytest.mark.usefixtures("moto")
def test_objects_lie_in_a_bucket_of_s3() -> None:
    boto3.client("s3").create_bucket(Bucket="archive", CreateBucketConfiguration={"LocationConstraint": REGION})
    objects = S3Objects(s3_client, "archive")
    assert objects.get("a/b.json") is None
    objects.put("a/b.json", b"{}")
    objects.put("a/b.json", b"{1}")
    assert objects.get("a/b.json") == b"{}"
