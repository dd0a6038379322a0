"""What is stored, item by item: today's code writes it so, and reads what every version before wrote.

A file in ``golden`` is what the tables held at that time. It never changes: a format that changes gets a new file
beside it, which is what is written from then on, and the older ones are still read.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.support.clocks import START, ManualClock
from tests.support.deferring import deadline
from tests.support.engines import BUCKETS, DynamoDBEngine
from tests.support.ledger import account, deposits

from banyan.adapters.dynamodb.deadlines import DynamoDBDeadlines
from banyan.adapters.dynamodb.gateway import Gateway
from banyan.adapters.dynamodb.idempotency import DynamoDBIdempotency
from banyan.adapters.dynamodb.traces import DynamoDBTraces
from banyan.commands.idempotency import Record, StoredAnswer
from banyan.deadlines.base import waiting
from banyan.documents import Document
from banyan.events import DomainEvent, Metadata
from banyan.migration.archive.manifest import ArchivePart, TableContent
from banyan.migration.archive.tables import Archive, Restoration, TableReading
from banyan.migration.checks.completion import Rereading
from banyan.migration.checks.idle import IDLE, IdleWork, SeenWork
from banyan.migration.checks.reads import SampledReads, Samples
from banyan.migration.checks.usage import WRITE, FacadeUsage, UsageReport
from banyan.migration.checks.verification import RowDifference, VerificationPass, VerificationPasses
from banyan.migration.documents import MigrationDocuments
from banyan.migration.phases.aggregate import (
    MIGRATION,
    REGISTRY,
    BeginMove,
    Command,
    DeferTransition,
    FinishMove,
    GiveUpMove,
    MigrationState,
    Phase,
    Step,
    migration_of,
)
from banyan.migration.sync.backfill import BackfillProgress
from banyan.migration.sync.backlog import SyncBacklog
from banyan.migration.writes.parked import Owner, Parked, ParkedRow
from banyan.migration.writes.primary import DynamoDBPrimary, Primary
from banyan.projections.base import Add, Put
from banyan.projections.check import Difference
from banyan.projections.rebuild.builds import Build, BuildPhase, Segment, Stuck
from banyan.projections.state import ProjectionState
from banyan.projections.views import FailureRecord, Generation, OwnedRow, OwnedUpdate, StateRow, ViewRow
from banyan.projections.views import ViewUpdate as ViewMove
from banyan.reconciliation.content import FieldDifference
from banyan.reconciliation.feeds import DirtySet, FullListing, LogFeed, RestartingFeed, SharedLog
from banyan.reconciliation.reconciler import Runs, RunState
from banyan.reconciliation.report import Finding, Report, Section
from banyan.reconciliation.sides import Listing
from banyan.reconciliation.tree import DigestTree
from banyan.store import EventStore, Snapshot
from banyan.store.items import record
from banyan.store.memory import MemoryTable
from banyan.streams import StreamHead
from banyan.traces import TraceRow

Tables = dict[str, list[dict[str, Any]]]

GOLDEN = {path.stem: path for path in sorted((Path(__file__).parent / "golden").glob("*.json"))}
NEWEST = max(GOLDEN)
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

A, B = account("a"), account("b")
LATER = START + timedelta(minutes=5)
GENERATION = Generation("balances", 2)
METADATA = Metadata(correlation_id="c-1", causation_id="r-1", actor="ann", occurred_at=START, traceparent="00-1-2-01")
FIELDS = (FieldDifference(name="items.0.price", expected='"2.50"', actual=None),)


class Format:
    """One thing that is stored: how it is written, and what is read of it."""

    def __init__(
        self, table: str, write: Callable[[DynamoDBEngine], object], read: Callable[[DynamoDBEngine], Any], found: Any
    ) -> None:
        self.table = table
        self.write = write
        self.read = read
        self.found = found


def commits(events: Sequence[DomainEvent], id: str, version: int = 0) -> Any:
    return record(StreamHead(A, version, "0" * 64, START), events, id, METADATA, START).parts


FIRST = commits(deposits(5), "commit-1")
BATCH = commits(deposits(*range(20), note="again and again"), "commit-2", 1)
SPLIT = [
    replace(FIRST[0], position=21 + part, commit_id="commit-3", part=part, parts=2, digest=str(part) * 64)
    for part in (1, 2)
]
SHORT = [replace(FIRST[0], position=24, commit_id="commit-4", events='[{"id":"e-24"}]')]
SNAPSHOT = Snapshot(A, 21, "f" * 64, 3, '{"balance":5,"movements":21}', "fingerprint-1")

ROW = StateRow(A, 2, START, LATER, '{"balance":5}', {1: ("open", "2026"), 3: ("acme", "")}, 4)
CARRIED = StateRow(A, 7, START, LATER, '{"balance":5}', made_by=4, unfinished=2)
OWNED_ROWS = [
    OwnedRow(A, "", 6, START, LATER, '{"amount":"5"}', {1: ("2026", "5"), 3: ("", "")}, LATER),
    OwnedRow(A, "2026-01-05", 7, START, LATER, '{"amount":"%s"}' % ("5" * 200)),
]
OWNED = [OwnedUpdate(None, CARRIED, {row.sort: row for row in OWNED_ROWS})]
MOVE = ViewMove(
    A, 0, 2, START, [[Put("totals", "2026-01", {"name": "a", "cents": 5}), Add("totals", "", {"sum": Decimal("2.50")})]]
)
VIEW_ROWS = [
    ViewRow("totals", "", {"sum": Decimal("2.5")}, 1, START, LATER),
    ViewRow("totals", "2026-01", {"name": "a", "cents": Decimal(5)}, 1, START, LATER),
]
RETRIED = FailureRecord(A, 3, "ValueError: no", 2, LATER)
PARKED = FailureRecord(B, 1, "ValueError: no", 5, LATER, LATER)
CONTROL = (
    ProjectionState("balances")
    .noted(1)
    .begun(START, 2)
    .readied(2, START)
    .switched(2, LATER)
    .begun(LATER, 3)
    .cancelled(3, LATER)
    .paused(LATER, "look first", "ann")
    .parking(A)
)
BUILD = Build(GENERATION, 1, 4, 500, True, START, True)
SEGMENT = Segment(
    1,
    BuildPhase.COMPARING,
    "place",
    9,
    4,
    40,
    1,
    (Stuck(str(B), 3, "ValueError: no"),),
    3,
    1,
    1,
    (Difference("acme totals 2026", ("cents",)),),
    1.5,
    12.0,
    LATER,
)
CLAIM = Record("acme#key-1", "fingerprint-1", "owner-1", START, LATER, START + timedelta(days=1))
ANSWERED = replace(CLAIM, key="acme#key-2", answer=StoredAnswer(201, {"ETag": '"1"'}, '{"version":1}'))
DUE = replace(waiting(deadline("a", 5, note="Köln")), attempts=2, error="ValueError: no")
PUT_ASIDE = replace(waiting(deadline("b", 7)), attempts=5, error="ValueError: no")
TRACE = TraceRow("c-1", START, A, 1, 2, START + timedelta(days=90))

CHECKSUMS = {f"id-{number}": f"{number:064x}" for number in range(70)}
RUN = RunState(
    started_at=START,
    full=True,
    repair=True,
    segments=2,
    step=3,
    cursor="place",
    sections=(Section(name="streams", compared=4, moving=("a",), expected="e", actual="a", note="why"),),
    pending=(Finding(where="acme:account:a", kind="different", fields=FIELDS, detail="It differs."),),
    pending_section="balances",
    unsettled_since=START,
    leased_until=LATER,
)
REPORT = Report(
    started_at=START,
    finished_at=LATER,
    verified_through=START,
    full=True,
    segments=2,
    sections=(
        Section(
            name="balances",
            compared=4,
            in_flight=1,
            rows_read=2,
            nodes_read=3,
            differences=1,
            findings=(Finding(where="acme:account:a", kind="gap", version=3, repair="healed"),),
            repaired=1,
        ),
    ),
    drift_percent=0.25,
    tolerance_percent=0.0,
)

READING = TableReading(
    tables=(TableContent(name="accounts", rows=2, digest="d" * 64),), table=0, after="row-2", unaligned=("a",)
)
PART = ArchivePart(table="accounts", key="part-1", rows=2, size=100, sha256="a" * 64, content_sha256="b" * 64)
ARCHIVE = Archive(
    id="20260105",
    begun_at=START,
    phase_version=9,
    reading=READING,
    parts=1,
    newest_part=PART,
    manifest_sha256="c" * 64,
    ended_at=LATER,
    checked=1,
    found=READING.tables,
    verified_at=LATER,
)
MODELS: Mapping[str, Any] = {
    "quiet": UsageReport(since=START, looked_at=LATER, looks=3, noticed=2, refused=1, seen="a write", seen_at=START),
    "verification": VerificationPasses(
        current=VerificationPass(
            begun_at=LATER, after="a", rows=1, digest="d", differences=(RowDifference(stream="s", what="w"),)
        ),
        last=VerificationPass(begun_at=START, rows=2, digest="e", ended_at=LATER),
    ),
    "rereading": Rereading(archive="20260105", begun_at=START, reading=READING, ended_at=LATER),
    "backfill": BackfillProgress(rows=9, after="a", seen=5, imported=4, failures=1, failed={"b": "it has no name"}),
    "archive": ARCHIVE,
    "restoration": Restoration(
        archive="20260105", begun_at=START, checked=1, written=1, reading=READING, damage="torn"
    ),
    IDLE: IdleWork(work={"backfill": SeenWork(digest="d", since=START)}),
}
ROW_PARKED = ParkedRow(A, Owner.RELAY, "it has no name", START)
CANARY = Step(phase=Phase.CANARY, percentage=25)
STANDS = MigrationState(step=Step(phase=Phase.DUAL_WRITE), moved_at=START)


def write_events(engine: DynamoDBEngine) -> None:
    for found in (FIRST, BATCH, SPLIT, SHORT):
        engine.table().insert(found)
    engine.table().put_snapshot(SNAPSHOT)


def write_migration(engine: DynamoDBEngine) -> None:
    """Every event of a migration."""
    canary_all = Step(phase=Phase.CANARY, percentage=100)
    commands: list[Command] = [
        BeginMove(to=STANDS.step, reason="begin", evidence={"rows": 4}, at=START),
        BeginMove(to=CANARY, reason="go", at=START),
        DeferTransition(reason="too few samples", evidence={"samples": 3}),
        BeginMove(to=canary_all, reason="on", at=LATER),
        GiveUpMove(reason="by hand"),
        FinishMove(cutover=2, at=LATER),
        BeginMove(to=canary_all, reason="again", at=LATER),
        FinishMove(cutover=3, at=LATER),
    ]
    state, events = MigrationState(), list[DomainEvent]()
    for command in commands:
        new = MIGRATION.decide(command, state)
        state, events = MIGRATION.fold(new, state), [*events, *new]
    engine.table().insert(record(StreamHead.empty(migration_of("account")), events, "commit-1", METADATA, START).parts)


def read_migration(engine: DynamoDBEngine) -> MigrationState:
    return MIGRATION.fold(event.payload for event in engine.store(REGISTRY).read(migration_of("account")))


def write_cursors(engine: DynamoDBEngine) -> None:
    for failure in (RETRIED, PARKED):
        engine.views().put_failure(GENERATION, failure)
    engine.views().update(GENERATION, [ViewMove(A, 0, 2, START, [])], LATER)
    engine.projection_states().put(CONTROL)
    engine.checkpoints().put(GENERATION, 3, LATER)
    engine.builds().begin(BUILD)
    engine.builds().put(GENERATION, SEGMENT)


def read_cursors(engine: DynamoDBEngine) -> Any:
    views = engine.views()
    return (
        [views.failure(GENERATION, stream) for stream in (A, B)],
        views.checkpoints(GENERATION, [A, B]),
        engine.projection_states().get(["balances"]),
        engine.checkpoints().get(GENERATION, [3]),
        engine.builds().build(GENERATION),
        engine.builds().segments(BUILD)[1],
    )


def deadlines(engine: DynamoDBEngine) -> DynamoDBDeadlines:
    return DynamoDBDeadlines(engine.gateway, engine.named("deadlines"), engine.log_buckets())


def write_deadlines(engine: DynamoDBEngine) -> None:
    table = deadlines(engine)
    for kept, number in ((DUE, 5), (PUT_ASIDE, 7)):
        table.schedule(deadline(kept.stream.id, number, note="Köln" if number == 5 else ""))
    table.put_back(DUE)
    table.park(PUT_ASIDE)


def idempotency(engine: DynamoDBEngine) -> DynamoDBIdempotency:
    return DynamoDBIdempotency(engine.gateway, engine.named("idempotency"))


def traces(engine: DynamoDBEngine) -> DynamoDBTraces:
    return DynamoDBTraces(engine.gateway, engine.named("traces"))


def write_digests(engine: DynamoDBEngine) -> None:
    documents = engine.documents()
    DigestTree(documents, "rows:balances").update(CHECKSUMS)
    DirtySet(documents, "rows:balances").add(["id-1"], START)
    Runs(documents).save(RUN)
    log = LogFeed(SharedLog(in_memory()), documents, "streams")
    log.seen(log.changed(START, 1))
    RestartingFeed(documents, "legacy", FullListing(documents, "legacy", lambda _place, _limit: Listing(()))).changed(
        START, 1
    )


def in_memory() -> EventStore:
    """An event store with one commit."""
    table = MemoryTable(BUCKETS)
    table.insert(FIRST)
    return EventStore(table, REGISTRY)


def read_digests(engine: DynamoDBEngine) -> Any:
    documents = engine.documents()
    tree = DigestTree(documents, "rows:balances")
    return (
        tree.entries("", tree.root()),
        list(DirtySet(documents, "rows:balances").all()),
        Runs(documents).open(),
        LogFeed(SharedLog(in_memory()), documents, "streams").changed(START, 1).ids,
        RestartingFeed(documents, "legacy", FullListing(documents, "legacy", unexpected)).changed(START, 1).ids,
    )


def unexpected(place: str, limit: int) -> Listing:
    raise AssertionError(f"{limit} entities are listed from {place!r} on, though the list was read to its end")


def notes(engine: DynamoDBEngine) -> MigrationDocuments:
    return MigrationDocuments.on_dynamodb(Gateway(engine.client), engine.named("migration"), "account")


def kept(engine: DynamoDBEngine, name: str) -> Document[Any]:
    return notes(engine).of(name, type(MODELS[name]))


def write_notes(engine: DynamoDBEngine) -> None:
    for name, model in MODELS.items():
        kept(engine, name).save(model, instead_of=None)
    FacadeUsage(notes(engine), lambda: START).used(WRITE)
    Parked(notes(engine), lambda: START).put(ROW_PARKED)
    DynamoDBPrimary(Gateway(engine.client), engine.named("migration"), "account").put(Primary.EVENTS, 3)
    engine.client.put_item(
        **SyncBacklog(Gateway(engine.client), engine.named("migration"), "account").put(FIRST[0])["Put"]
    )
    sampled(engine).compared(STANDS, A, FIELDS, 12, START)


def read_notes(engine: DynamoDBEngine) -> Any:
    primary = DynamoDBPrimary(Gateway(engine.client), engine.named("migration"), "account")
    (behind,) = SyncBacklog(Gateway(engine.client), engine.named("migration"), "account").all()
    (mismatch,) = sampled(engine).mismatches(START, 9).mismatches
    return (
        {name: kept(engine, name).read() for name in MODELS},
        FacadeUsage(notes(engine), ManualClock()).last(),
        Parked(notes(engine), ManualClock()).all(),
        (primary.get(), primary.put(Primary.EVENTS, 3)),
        (behind.stream, behind.version, behind.since),
        (mismatch.at, mismatch.stream, tuple(mismatch.fields)),
        sampled(engine).samples(STANDS, START),
    )


def sampled(engine: DynamoDBEngine) -> SampledReads:
    return SampledReads(Gateway(engine.client), engine.named("migration"), "account")


FORMATS = {
    "commits": Format(
        "events",
        write_events,
        lambda engine: list(engine.table().forward(A, 0)),
        [*FIRST, *BATCH, SNAPSHOT, *SPLIT, *SHORT],
    ),
    "migration": Format(
        "events",
        write_migration,
        read_migration,
        MigrationState(step=Step(phase=Phase.CANARY, percentage=100), moved_at=LATER, cutover=3),
    ),
    "row": Format(
        "views",
        lambda engine: engine.views().put_state(GENERATION, ROW, 0),
        lambda engine: list(engine.views().all_states(GENERATION)),
        [ROW],
    ),
    "owned rows": Format(
        "views",
        lambda engine: engine.views().update_owned(GENERATION, OWNED),
        lambda engine: ([*engine.views().all_states(GENERATION)], [*engine.views().list_owned(GENERATION, A)]),
        ([CARRIED], OWNED_ROWS),
    ),
    "view rows": Format(
        "views",
        lambda engine: engine.views().update(GENERATION, [MOVE], LATER),
        lambda engine: engine.views().rows(GENERATION, "acme", "totals"),
        VIEW_ROWS,
    ),
    "cursors": Format(
        "cursors",
        write_cursors,
        read_cursors,
        (
            [RETRIED, PARKED],
            {A: 2},
            {"balances": replace(CONTROL, revision=1)},
            {3: LATER},
            BUILD,
            replace(SEGMENT, revision=1),
        ),
    ),
    "deadlines": Format(
        "deadlines",
        write_deadlines,
        lambda engine: ([*deadlines(engine).due(LATER)], [*deadlines(engine).parked()]),
        ([DUE], [PUT_ASIDE]),
    ),
    "idempotency": Format(
        "idempotency",
        lambda engine: [idempotency(engine).claim(each, START) for each in (CLAIM, ANSWERED)],
        lambda engine: [idempotency(engine).get(each.key) for each in (CLAIM, ANSWERED)],
        [CLAIM, ANSWERED],
    ),
    "traces": Format(
        "traces",
        lambda engine: traces(engine).put(TRACE),
        lambda engine: list(traces(engine).rows("acme", "c-1", 9)),
        [TRACE],
    ),
    "digests": Format(
        "digests",
        write_digests,
        read_digests,
        (CHECKSUMS, ["id-1"], RUN, (), ()),
    ),
    "reports": Format(
        "reports",
        lambda engine: engine.reports().put(REPORT),
        lambda engine: engine.reports().find(START),
        REPORT,
    ),
    "notes": Format(
        "migration",
        write_notes,
        read_notes,
        (
            MODELS,
            {WRITE: START},
            [ROW_PARKED],
            (Primary.EVENTS, True),
            (A, 1, START),
            (START, A, FIELDS),
            Samples(1, 1, 12),
        ),
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_today_is_written_what_the_newest_file_says(name: str, moto: DynamoDBEngine) -> None:
    form = FORMATS[name]
    form.write(moto)

    assert stored(moto, form.table) == [comparable(item) for item in golden(NEWEST)[name]]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("version", GOLDEN)
def test_what_an_older_version_wrote_is_read(version: str, name: str, moto: DynamoDBEngine) -> None:
    form = FORMATS[name]
    for item in golden(version)[name]:
        moto.client.put_item(TableName=moto.named(form.table), Item=item)

    assert form.read(moto) == form.found


def golden(version: str) -> Tables:
    """A file; binary values are base64 text there."""
    found: Tables = json.loads(GOLDEN[version].read_text(), object_hook=_plain)
    return found


def stored(engine: DynamoDBEngine, table: str) -> list[dict[str, Any]]:
    items: Any = engine.client.scan(TableName=engine.named(table), ConsistentRead=True)["Items"]
    return sorted((comparable(item) for item in items), key=json.dumps)


def comparable(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item whose compressed text is text and whose random ids, which decide whether it is compressed, are equal."""
    plain = {name: {"B": zlib.decompress(v["B"]).decode()} if "B" in v else v for name, v in item.items()}
    text = next(iter(plain.get("content", {"S": ""}).values()))
    if UUID.search(str(text)):
        assert plain.pop("sha") == {"S": sha256(text.encode()).hexdigest()}
        plain["content"] = {"S": text}
    found: dict[str, Any] = json.loads(UUID.sub("random", json.dumps(plain, sort_keys=True)))
    return found


def _plain(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["base64"]) if "base64" in value else value
