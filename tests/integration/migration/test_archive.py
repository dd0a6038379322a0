"""The archive of a legacy system: whole or none, and back into empty tables as it was."""

from __future__ import annotations

import pytest
from tests.archives import MemoryObjects
from tests.integration.migration.world import DUAL, EVENTS, TURNED, World
from tests.legacies import OnDynamoDB, order

from banyan.migration.archive import reading
from banyan.migration.archive.manifest import Manifest
from banyan.migration.archive.state import Archive, Stage
from banyan.migration.archive.worker import ArchiveWorker
from banyan.streams import StreamId

ORDERS = [order(number) for number in range(1, 8)]


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAGE", 2)
    monkeypatch.setattr(reading, "PIECE_BYTES", 1200)


@pytest.fixture
def objects() -> MemoryObjects:
    """An empty bucket."""
    return MemoryObjects()


@pytest.fixture
def ended(moto_world: World) -> World:
    """A world in which events stand alone, with orders from before and from behind the turn."""
    fill(moto_world)
    return moto_world


def fill(world: World) -> None:
    """Take orders through a whole migration."""
    world.go_to(DUAL)
    for stream in ORDERS[:4]:
        world.create(stream)
    world.go_to(TURNED)
    for stream in ORDERS[4:]:
        world.create(stream)
        world.add(stream)
    world.go_to(EVENTS)


def worker(world: World, objects: MemoryObjects) -> ArchiveWorker:
    """A worker of a new process."""
    return ArchiveWorker(world.process().end.archives, objects, world.clock)


def archived(world: World, objects: MemoryObjects, *, anew: bool = False) -> Archive:
    """An archive that was asked for and worked on to its end."""
    world.process().end.archives.begin(anew=anew)
    archive = worker(world, objects).go_on()
    assert archive is not None
    return archive


def emptied(world: World) -> World:
    """The same, with an empty legacy system of the same kind."""
    if isinstance(world.legacy, OnDynamoDB):
        world.legacy = OnDynamoDB(world.engine, "restored")
    else:
        with world.legacy.connections.transaction() as cursor:
            cursor.execute("TRUNCATE orders, order_items, banyan_link")
    world.restart()
    return world


def rows(world: World) -> dict[StreamId, object]:
    """Every row of the legacy system."""
    return {found.stream: found for found in world.parts.repository.scan(None, 100)}


def test_an_archive_says_what_it_holds_and_is_read_back(ended: World, objects: MemoryObjects, kind: str) -> None:
    archive = archived(ended, objects)
    assert (archive.stage, archive.damage) == (Stage.VERIFIED, "")
    manifest = Manifest.model_validate_json(objects.kept[f"legacy/order/{archive.id}/manifest.json"])
    manifest.expect_whole()
    counts = {table.name: table.rows for table in manifest.tables}
    expected = {"items": 7} if kind == "dynamodb" else {"orders": 7, "order_items": 10, "banyan_link": 7}
    assert counts == expected
    assert manifest.phase_version == ended.parts.phases.version()
    assert len(objects.kept) == len(manifest.parts) + 1 > len(expected) + 1
    assert all(len(part.lines(objects.kept[part.key])) == part.rows for part in manifest.parts)


def test_what_is_restored_equals_what_was_archived(ended: World, objects: MemoryObjects) -> None:
    before, archive = rows(ended), archived(ended, objects)
    world = emptied(ended)
    world.parts.end.archives.restore(archive.id)
    done = worker(world, objects).restore_on()
    assert done is not None
    assert (done.damage, done.ended_at is not None) == ("", True)
    assert rows(world) == before
    assert len(before) == len(ORDERS)
