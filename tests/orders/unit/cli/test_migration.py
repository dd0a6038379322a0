"""A migration at the command line, from its first step to its last, and back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import psycopg
import pytest
from openapi_schema_validator import OAS31Validator
from tests.orders.support.documented import DOCUMENT
from tests.orders.support.http import body_of, problem
from tests.orders.support.legacies import OnDynamoDB, OnPostgres, order, row
from tests.orders.support.platform import InProcessPlatform
from tests.orders.unit.cli.conftest import Banyan
from tests.support.clocks import meanwhile
from tests.support.engines import DynamoDBEngine, moto_tables

from banyan.entrypoints.http.identity import ADMIN
from banyan.migration.migration import Migration
from banyan.migration.writes.legacy_led import LegacyLed
from banyan.reconciliation.content import FieldDifference
from banyan_tools.local.physical import REGION
from banyan_tools.local.token import make_token
from orders.commands import PayOrder

PATH = "/admin/migration"
BUCKET = "archive"
BECAUSE = "--reason because --every 0.05"
DAYS = timedelta(days=3)
REFUSED: list[tuple[str, Any, tuple[int, str]]] = [
    ("start", {}, (422, "invalid_input")),
    ("start", {"reason": ""}, (422, "invalid_input")),
    ("advance", {"reason": "r", "from": {"phase": "canary", "percentage": 10}}, (409, "step_moved")),
    ("rollback", {"reason": "r"}, (422, "step_out_of_reach")),
    ("rollback", {"reason": "r", "to": {"phase": "canary", "percentage": 10}}, (422, "step_out_of_reach")),
    ("complete", {"reason": "r"}, (422, "step_out_of_reach")),
    ("move", {"reason": "r", "to": {"phase": "nowhere"}}, (422, "invalid_input")),
    ("move", {"reason": "r", "from": {"phase": "dual_write"}, "to": {"phase": "canary"}}, (409, "step_moved")),
    ("move", {"reason": "r", "to": {"phase": "event_store", "percentage": 100}}, (409, "no_way_back")),
    ("backfill", {}, (409, "backfill_out_of_phase")),
    ("archive", {}, (409, "archive_out_of_phase")),
    ("restore", {}, (409, "nothing_archived")),
    ("restore", {"archive": "../x"}, (422, "invalid_input")),
]


class Moving:
    """A platform with a legacy system of three orders."""

    def __init__(self, engine: DynamoDBEngine, legacy: OnDynamoDB | OnPostgres) -> None:
        for number in (1, 2, 3):
            legacy.write_directly(order(number), row(order(number), customer=f"c-{number}"))
        self.legacy = legacy
        self.platform = InProcessPlatform(engine, ARCHIVE_BUCKET=BUCKET, **settings_of(legacy))

    @property
    def migration(self) -> Migration:
        """The parts of the migration."""
        assert self.platform.app.migration is not None
        return self.platform.app.migration

    def import_rows(self) -> None:
        """Let every row be known to its stream, as a backfill does."""
        for number in (1, 2, 3):
            self.migration.importer.import_row(order(number))
        self.migration.recover()

    def told(self, name: str = "", body: Any = None) -> Any:
        """What an operator is told, which must be as it is documented."""
        path = f"{PATH}/{name}".rstrip("/")
        answer = self.platform.ask(path, body)
        assert answer["statusCode"] == 200, answer
        route = DOCUMENT["paths"][path]["get" if body is None else "post"]
        schema = route["responses"]["200"]["content"]["application/json"]["schema"]
        OAS31Validator({**schema, "components": DOCUMENT["components"]}).validate(body_of(answer))
        return body_of(answer)


def settings_of(legacy: OnDynamoDB | OnPostgres) -> dict[str, str]:
    """Where the functions find a legacy system."""
    if isinstance(legacy, OnPostgres):
        return {"BANYAN_LEGACY_STORE": "postgres", "BANYAN_LEGACY_URL": legacy.url}
    return {"BANYAN_LEGACY_STORE": "dynamodb", "BANYAN_LEGACY_NAME": legacy.table}


@pytest.fixture(params=["dynamodb"])
def moving(request: pytest.FixtureRequest) -> Iterator[Moving]:
    """A migration that was not begun."""
    with moto_tables() as engine:
        legacy = request.getfixturevalue("postgres") if request.param == "postgres" else OnDynamoDB(engine)
        made = Moving(engine, legacy)
        yield made
        made.migration.close()


on_postgres = pytest.mark.parametrize("moving", ["postgres"], indirect=True)


@pytest.fixture
def platform(moving: Moving) -> InProcessPlatform:
    return moving.platform


def test_a_migration_from_its_first_step_to_its_archive(
    moving: Moving, platform: InProcessPlatform, banyan: Banyan
) -> None:
    boto3.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    assert "dual_write, made by the operator" in banyan("migration status").stdout
    started = banyan(f"migration start {BECAUSE}")
    assert (started.exit_code, "stands at dual_write" in started.stdout) == (0, True), started.output
    assert "not every row is compared" in banyan("migration status").stdout
    assert "Importing 3 rows costs" in banyan("migration backfill --preview").stdout
    begun = banyan("migration backfill --no-wait").stdout
    assert ("The backfill is running" in begun, "cost" in begun) == (True, False), begun
    with meanwhile(platform.functions.run, pause=0.02):
        filled = banyan("migration backfill --every 0.05")
        assert (filled.exit_code, "3 became events, 0 cannot" in filled.stdout) == (0, True), filled.output
        assert banyan(f"migration move canary:50 {BECAUSE}").exit_code == 0
        cut_over = banyan(f"migration advance {BECAUSE}")
        assert (cut_over.exit_code, "canary 100 %" in cut_over.stdout) == (0, True), cut_over.output
        refused = banyan(f"migration advance {BECAUSE}")
        assert (refused.exit_code, "no way back" in refused.stderr) == (1, True)
        assert "event_store" in banyan(f"migration advance --no-way-back {BECAUSE}").stdout
        archived = banyan("migration archive --every 0.05")
        assert (archived.exit_code, "3 rows in 1 part, 1 read back" in archived.stdout) == (0, True), archived.output
    early = banyan(f"migration complete {BECAUSE}")
    assert (early.exit_code, "not_quiet_for_long_enough" in early.stderr) == (1, True)
    assert "the legacy system must not have been used" in banyan("migration status").stdout
    platform.clock.move(DAYS)
    assert "complete" in banyan(f"migration complete {BECAUSE}").stdout
    assert moving.told()["next"] is None
    filled_tables = banyan("migration restore")
    assert (filled_tables.exit_code, "legacy_not_empty" in filled_tables.stderr) == (1, True)


def test_what_cannot_be_done_is_refused_with_a_code(moving: Moving, subtests: pytest.Subtests) -> None:
    for name, body, expected in REFUSED:
        with subtests.test(f"{name} {body}"):
            assert problem(moving.platform.ask(f"{PATH}/{name}", body)) == expected
    assert moving.told()["phase"] == "legacy"
    assert moving.told("history") == {"decisions": [], "next": None}


def test_without_a_legacy_system_it_is_said_what_to_set(moto: DynamoDBEngine, tmp_path: Path) -> None:
    with InProcessPlatform(moto).serving(tmp_path) as url:
        banyan = Banyan(url, make_token("acme", tmp_path, scopes=[ADMIN]))
        ended = [banyan(f"migration {line}") for line in ("status", "history", f"start {BECAUSE}", "backfill")]
    assert {(each.exit_code, each.stderr.strip()) for each in ended} == {
        (1, "migration_off: there is no migration: set LegacyStore to what the legacy system stands on")
    }


def test_every_decision_is_reported_with_who_made_it_and_why(
    moving: Moving, platform: InProcessPlatform, banyan: Banyan
) -> None:
    banyan(f"migration start {BECAUSE}")
    platform.run_maintenance()
    (held, began) = moving.told("history")["decisions"]
    assert (began["type"], began["actor"], began["reason"]) == ("Moved", "developer", "because")
    assert (held["type"], held["actor"], held["evidence"]["unaligned"]) == ("Held", "migration_controller", True)
    assert "mismatchRate: 0.0" in banyan("migration history").stdout
    newest = banyan("migration history --limit 1").stdout
    assert ("Held" in newest, "Moved" in newest, "--before 2" in newest) == (True, False, True)
    older = banyan("migration history --before 2").stdout
    assert ("Moved to dual_write" in older, "Held" in older) == (True, False)


def test_it_goes_back_a_phase_or_to_the_step_that_is_named(
    moving: Moving, platform: InProcessPlatform, banyan: Banyan
) -> None:
    banyan(f"migration start {BECAUSE}")
    assert "would_lose: " in banyan(f"migration move canary:50 {BECAUSE}").stderr
    moving.import_rows()
    banyan(f"migration move canary:50 {BECAUSE}")
    assert "canary 10 %" in banyan(f"migration rollback --to canary:10 {BECAUSE}").stdout
    assert "dual_write" in banyan(f"migration rollback {BECAUSE}").stdout
    assert banyan.json(f"migration rollback {BECAUSE}")["phase"] == "legacy"
    assert not platform.functions.waiting, "nothing changed hands"
    nonsense = banyan(f"migration move canary:most {BECAUSE}")
    assert (nonsense.exit_code, "canary:25" in nonsense.stderr) == (2, True)


def test_conditions_of_the_next_step_are_shown_with_what_was_found_and_what_is_needed(
    moving: Moving, platform: InProcessPlatform, banyan: Banyan
) -> None:
    assert moving.told()["next"]["conditions"] == []
    banyan(f"migration start {BECAUSE}")
    platform.run_maintenance()
    platform.clock.move(timedelta(hours=2))
    awaited = {each["name"]: each for each in moving.told()["next"]["conditions"]}
    stood = awaited["time at this step"]
    assert (stood["met"], round(stood["found"] / 3600), stood["least"] / 3600, stood["unit"]) == (False, 2, 24, "s")
    lag = awaited["lag"]
    assert (lag["met"], lag["found"], lag["most"], lag["unit"]) == (True, 0, 2500, "ms"), "half of the limit"
    differ = awaited["rows that differ from their streams"]
    assert (differ["met"], differ["found"], differ["reason"][-16:]) == (False, 3, "run the backfill")
    assert moving.told()["next"]["waitsFor"] == [each["reason"] for each in awaited.values() if not each["met"]]
    assert moving.told()["limits"]["mismatchRate"] == 0.01
    shown = banyan("migration status").stdout
    assert ("at least 86,400 s" in shown, "at most 0.50%" in shown) == (True, True), shown


def test_the_path_shows_which_steps_one_move_leads_to_and_which_have_no_way_back(
    moving: Moving, banyan: Banyan
) -> None:
    assert within_reach(moving) == ["dual_write 0"]
    banyan(f"migration start {BECAUSE}")
    moving.import_rows()
    banyan(f"migration move canary:33 {BECAUSE}")
    assert within_reach(moving) == ["legacy 0", "dual_write 0", "canary 10", "canary 25", "canary 50", "canary 100"]
    path = moving.told()["path"]
    assert [each["step"]["percentage"] for each in path if each["step"]["phase"] == "canary"] == [10, 25, 33, 50, 100]
    assert [each["step"]["phase"] for each in path if each["noWayBack"]] == ["event_store", "complete"]
    assert [each["primary"] for each in path[-4:]] == ["legacy", "events", "off", "off"]


def within_reach(moving: Moving) -> list[str]:
    """The steps to which one move leads."""
    steps = [each["step"] for each in moving.told()["path"] if each["reachable"]]
    return [f"{step['phase']} {step['percentage']}" for step in steps]


def test_two_who_advance_at_once_advance_one_step(moving: Moving, banyan: Banyan) -> None:
    banyan(f"migration start {BECAUSE}")
    moving.import_rows()
    seen = {"from": {"phase": "dual_write", "percentage": 0}, "reason": "r"}
    assert moving.told("advance", seen)["percentage"] == 10
    assert problem(moving.platform.ask(f"{PATH}/advance", seen)) == (409, "step_moved")
    assert moving.told()["percentage"] == 10


def test_reads_that_differ_are_listed_down_to_the_field(
    moving: Moving, platform: InProcessPlatform, banyan: Banyan
) -> None:
    banyan(f"migration start {BECAUSE}")
    for number, price in ((1, "4.49"), (2, "4.48")):
        field = FieldDifference(name="items.0.price", expected="4.5", actual=price)
        moving.migration.samples.compared(
            moving.migration.phases.refreshed(), order(number), [field], 12, platform.clock()
        )
    newest = banyan("migration differences --limit 1")
    assert "items.0.price: 4.5 → 4.48" in newest.stdout
    before = newest.stdout.split("--before ")[1].split("`")[0]
    assert "items.0.price: 4.5 → 4.49" in banyan(f"migration differences --before {before}").stdout
    assert moving.told("differences")["differences"][0]["stream"] == str(order(2))
    assert (moving.told()["health"]["differing"], moving.told()["health"]["lagMs"]) == (2, 12)


@on_postgres
def test_a_write_that_is_half_done_is_shown_with_its_age_and_its_owner(
    moving: Moving, platform: InProcessPlatform, banyan: Banyan
) -> None:
    banyan(f"migration start {BECAUSE}")
    assert isinstance(moving.migration.importer, LegacyLed)
    moving.migration.importer.handle(order(1), PayOrder(amount=Decimal("12.25")), commit_id="c")
    platform.clock.move(timedelta(seconds=90))
    (imported, paid) = sorted(moving.told()["halfDone"], key=lambda write: write["version"])
    assert (paid["stream"], paid["version"], paid["owner"]) == (str(order(1)), 2, "relay")
    assert imported["version"] == 1
    assert 90_000 <= paid["ageMs"] < 91_000
    assert moving.told()["next"]["waitsFor"][0] == "some writes are half done"
    assert "relay" in banyan("migration status").stdout
    platform.run_maintenance()
    assert moving.told()["halfDone"] == []


@on_postgres
def test_it_can_be_seen_and_rolled_back_while_the_legacy_system_does_not_answer(
    moving: Moving, banyan: Banyan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise psycopg.OperationalError("connection refused")

    banyan(f"migration start {BECAUSE}")
    moving.import_rows()
    banyan(f"migration move canary:50 {BECAUSE}")
    moving.migration.close()
    monkeypatch.setattr("banyan.migration.stores.connections.psycopg.connect", refuse)
    shown = banyan("migration status")
    assert (shown.exit_code, "no answer from the legacy database" in shown.stdout) == (0, True), shown.output
    assert "stands at dual_write" in banyan(f"migration rollback {BECAUSE}").stdout


@on_postgres
def test_a_cutover_that_cannot_be_made_is_reported_as_such(
    moving: Moving, platform: InProcessPlatform, banyan: Banyan
) -> None:
    def spoil_the_turn() -> None:
        if moving.migration.phases.refreshed().moving_to:
            moving.legacy.write_directly(order(4), row(order(4), customer="no#key"))
        platform.functions.run()

    banyan(f"migration start {BECAUSE}")
    moving.import_rows()
    banyan(f"migration move canary:50 {BECAUSE}")
    with meanwhile(spoil_the_turn, pause=0.02):
        cut_over = banyan(f"migration move canary:100 {BECAUSE}")
        assert (cut_over.exit_code, "was not made: " in cut_over.stderr) == (1, True), cut_over.output
        filled = banyan("migration backfill --every 0.05")
    assert (filled.exit_code, "customer_id" in filled.stdout) == (1, True), filled.output
    assert moving.told()["percentage"] == 50


def test_a_move_continues_when_no_one_watches_it(
    moving: Moving, banyan: Banyan, platform: InProcessPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("banyan_tools.cli.following.time", SimpleNamespace(sleep=interrupt))
    banyan(f"migration start {BECAUSE}")
    moving.import_rows()
    banyan(f"migration move canary:50 {BECAUSE}")
    left = banyan(f"migration move canary:100 {BECAUSE}")
    assert (left.exit_code, "`banyan migration status` shows it" in left.stderr) == (130, True)
    platform.functions.run()
    assert "canary 100 %" in banyan("migration status").stdout
