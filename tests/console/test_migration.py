"""The way out of the legacy system, led from the console."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Locator, Route, expect
from tests.console.support import states
from tests.console.support.axe import axe
from tests.console.support.legacy import ROWS, TABLE, Strangler
from tests.console.support.page import Console
from tests.console.support.stack import PATIENCE, TENANT
from tests.support.clocks import wait_until

pytestmark = pytest.mark.slow

REFUSED = 409
FIRST = ROWS[0]
HISTORY_PAGE = 20
MOST_COUNTS = 2
"""Looks that count the legacy system's rows: as the tab is opened, and as a backfill begins or ends."""


class Led:
    """A migration, led at its screen and looked at through the API."""

    def __init__(self, strangler: Strangler, console: Console) -> None:
        self.strangler, self.console = strangler, console
        self.admin = strangler.stack.admin

    def found(self, *path: str) -> Any:
        """What the API says of the migration."""
        return self.admin.get("migration", *path).content

    def step(self) -> str:
        """Where it stands, once it moves no more."""
        wait_until(lambda: self.found()["movingTo"] is None, "the move to be made", PATIENCE)
        standing = self.found()
        return f"{standing['phase']} {standing['percentage']}"

    @property
    def versions(self) -> Locator:
        """Of the decisions that the page shows."""
        return self.console.main.get_by_role("table", name="Decisions").locator("tbody tr td:first-child")

    def newest_versions(self, limit: int) -> list[str]:
        """Of the decisions that the API lists."""
        return [str(each["version"]) for each in self.found("history")["decisions"][:limit]]

    def newest(self) -> Any:
        """The newest decision."""
        return self.found("history")["decisions"][0]

    def ask(self, button: str) -> Locator:
        """Press a button that asks; its dialog."""
        self.console.main.get_by_role("button", name=re.compile(button)).first.click()
        return self.console.dialog()

    def confirm(self, button: str, **fields: str) -> None:
        """Confirm what was asked."""
        self.console.confirm(button, **fields)

    def return_to_tab(self) -> None:
        """Let the page look again at once, as when its tab is shown again."""
        self.console.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    def expect_at(self, step: str) -> None:
        """Expect the page to show that it stands at a step."""
        self.return_to_tab()
        expect(self.console.main.locator("[aria-current=step]")).to_contain_text(re.compile(step))

    def tab(self, name: str) -> None:
        """Open a tab of the screen."""
        self.console.main.get_by_role("tab", name=name).click()

    def read_until(self, seen: Callable[[], object], what: str) -> None:
        """Let customers read until something is seen: a process knows a step within two seconds, and reads age."""

        def has_been_seen() -> bool:
            self.strangler.read()
            return bool(seen())

        wait_until(has_been_seen, what, PATIENCE)

    def end_waiting(self) -> None:
        """Let the controller look until nothing stands in the way of the next step."""

        def ready() -> bool:
            self.strangler.run_controller()
            return not self.found()["next"]["waitsFor"]

        wait_until(ready, "the conditions of the next step", PATIENCE)


@pytest.fixture
def led(strangler: Strangler, strangler_console: Console) -> Led:
    strangler_console.open("migration")
    return Led(strangler, strangler_console)


def test_without_a_legacy_system_it_says_how_to_get_one_and_asks_for_nothing_more(console: Console) -> None:
    shown = console.open("migration")
    expect(shown.get_by_text("There is no migration here")).to_be_visible()
    expect(shown).to_contain_text("LegacyStore")
    assert not [each.url for each in console.requests if "/admin/migration" in each.url]


def test_a_link_that_asks_for_the_next_step_opens_its_question_once(led: Led) -> None:
    led.console.open("migration", do="advance")
    expect(led.console.dialog()).to_contain_text("legacy → dual_write")
    led.console.dialog().get_by_role("button", name="Cancel").click()
    expect(led.console.dialog()).to_have_count(0)
    assert "do=" not in led.console.page.url
    assert led.step() == "legacy 0"


def test_every_tab_is_accessible_and_fits_a_small_window(led: Led) -> None:
    led.admin.post("migration", "start", reason="to have something to show")
    led.strangler.run_controller()
    led.expect_at("dual_write")
    expect(led.console.main.get_by_role("table", name="Rows that differ from their streams")).to_contain_text(FIRST)
    for tab in ("Now", "Reads that differ", "Backfill", "Archive", "History"):
        led.tab(tab)
        led.console.loaded()
        axe(led.console.page)
        led.console.width(360)
        assert not led.console.scrolls_sideways(), tab
        led.console.width(1280)


def test_what_is_half_done_or_parked_is_listed_as_text(led: Led) -> None:
    health = {"compared": 0, "differing": 0, "mismatchRate": 0.2, "lagMs": 4000, "halfDone": 2, "parked": 1}
    since, reason = "2026-11-26T12:00:00Z", "<b>no#key</b> \u202e customer_id"
    write = {"stream": states.stream(FIRST), "version": 7, "since": since, "ageMs": 90_000, "owner": "relay"}
    row = {"stream": states.stream(FIRST), "owner": "follower", "reason": reason, "since": since}
    judged = {**health, "unaligned": False, "differences": [], "verified": False}
    with answered(led, health=judged, halfDone=[write], parked=[row]):
        half_done = led.console.main.get_by_role("table", name="Half-done writes")
        expect(half_done).to_contain_text("1.5 min")
        expect(half_done.get_by_role("link")).to_have_attribute("href", re.compile("#/streams/"))
        parked = led.console.main.get_by_role("table", name="Parked rows")
        expect(parked).to_contain_text(r"<b>no#key</b> \u202e customer_id")
        expect(led.console.main).to_contain_text("too much for a step forward")
        expect(led.console.main).to_contain_text("above the limit of 1 %")


def test_a_legacy_system_that_does_not_answer_is_what_the_next_step_waits_for(led: Led) -> None:
    waits = {"step": {"phase": "canary", "percentage": 10}, "by": "controller", "conditions": []}
    with answered(led, phase="dual_write", next={**waits, "waitsFor": ["no answer from the legacy database"]}):
        expect(led.console.main).to_contain_text("no answer from the legacy database")


def test_a_move_is_followed_to_its_end_and_one_that_was_not_made_is_reported(led: Led) -> None:
    cutover = {"phase": "canary", "percentage": 100}
    path = [{**each, "reachable": False} for each in led.found()["path"]]
    with answered(led, phase="canary", percentage=50, movingTo=cutover, path=path):
        expect(led.console.main).to_contain_text(re.compile("on its way to canary.100"))
        expect(led.console.main.get_by_role("button", name=re.compile("Advance|Move|Roll back|Start"))).to_have_count(0)
        given_up = {"version": 9, "type": "MoveGivenUp", "reason": "customer_id is too long", "evidence": {}}
        about = {"at": "2026-11-26T12:00:00Z", "actor": "migration_controller", "details": {"to": cutover}}
        page = {"decisions": [{**given_up, **about}], "next": None}
        led.console.page.route("**/admin/migration/history?*", lambda route: route.fulfill(json=page))
        with answered(led, phase="canary", percentage=50, reload=False):
            expect(led.console.page.locator(".notices")).to_contain_text("was not made: customer_id is too long")


@contextmanager
def answered(led: Led, *, reload: bool = True, **parts: Any) -> Iterator[None]:
    """Let parts of the answer be others than they are here, where a database would have to break for them."""
    given = {**led.found(), **parts}
    led.console.page.route("**/admin/migration", lambda route: route.fulfill(json=given))
    if reload:
        led.console.page.reload()
        led.console.loaded()
    yield
    led.console.page.unroute("**/admin/migration")


def test_history_is_shown_page_by_page(led: Led) -> None:
    decide_often(led)
    led.tab("History")
    expect(led.versions).to_have_text(led.newest_versions(HISTORY_PAGE))
    older = led.console.main.get_by_role("button", name="Show older ones")
    for pages in range(2, math.ceil(len(led.found("history")["decisions"]) / HISTORY_PAGE) + 1):
        older.click()
        expect(led.versions).to_have_text(led.newest_versions(pages * HISTORY_PAGE))
    expect(led.console.main).to_contain_text("that is all")


@pytest.mark.parametrize("answered_late", [False, True], ids=["that are shown", "that were asked for"])
def test_older_decisions_stay_when_another_one_is_made(led: Led, answered_late: bool) -> None:
    decide_often(led)
    led.tab("History")
    expect(led.versions).to_have_text(led.newest_versions(HISTORY_PAGE))
    older, held = re.compile("history.*before="), list[Route]()
    if answered_late:
        led.console.page.route(older, lambda route: held.append(route))
    with led.console.page.expect_request(older):
        led.console.main.get_by_role("button", name="Show older ones").click()
    if not answered_late:
        expect(led.versions).to_have_text(led.newest_versions(2 * HISTORY_PAGE))
    with led.console.page.expect_request(older):
        led.admin.post("migration", "start", reason="made meanwhile")
        led.return_to_tab()
    for each in held:
        each.continue_()
    led.console.page.unroute(older)
    expect(led.versions).to_have_text(led.newest_versions(2 * HISTORY_PAGE))
    led.admin.post("migration", "rollback", reason="begin again")


def decide_often(led: Led) -> None:
    """Have more decisions than a page holds."""
    begin_again(led)
    while len(led.found("history")["decisions"]) <= HISTORY_PAGE:
        led.admin.post("migration", "start", reason="both sides")
        led.admin.post("migration", "rollback", reason="not yet")


def test_work_that_another_operator_began_is_seen_without_a_reload(led: Led) -> None:
    begin_again(led)
    led.admin.post("migration", "start", reason="both sides")
    led.strangler.run_controller()
    led.tab("Archive")
    expect(led.console.main).to_contain_text("not archived yet")
    archive = {"id": "20261126T120000", "begunAt": "2026-11-26T12:00:00Z", "stage": "writing", "rows": 7, "parts": 2}
    begun = {**archive, "checked": 0, "tables": [], "manifestSha256": "", "verifiedAt": None, "damage": ""}
    answer = {"archive": begun, "restoration": None}
    led.console.page.route("**/admin/migration/archive", lambda route: route.fulfill(json=answer))
    expect(led.console.main).to_contain_text("7 rows in 2 parts")
    led.console.page.unroute("**/admin/migration/archive")
    led.tab("Backfill")
    expect(led.console.main).to_contain_text("No backfill was begun yet")
    progress = {"rows": 5, "seen": 2, "imported": 2, "failures": 0, "failed": {}, "finished": False}
    running = {"progress": progress, "preview": None}
    led.console.page.route(re.compile("/admin/migration/backfill"), lambda route: route.fulfill(json=running))
    expect(led.console.main.get_by_role("heading", name="The newest backfill")).to_contain_text("running")
    looks = [each.url for each in led.console.requests if "/admin/migration/backfill" in each.url]
    assert len([url for url in looks if "preview=false" not in url]) <= MOST_COUNTS
    led.admin.post("migration", "rollback", reason="begin again")


def test_it_is_led_from_its_first_step_to_its_archive_and_back_on_the_way(led: Led) -> None:
    begin_again(led)
    begins_to_write_both_sides(led)
    imports_rows(led)
    follows_the_controller(led)
    shows_reads_that_differ_and_the_way_back(led)
    cuts_over_and_back(led)
    switches_the_legacy_system_off(led)
    archives_and_completes(led)
    restores(led)


def begin_again(led: Led) -> None:
    if led.found()["phase"] != "legacy":
        led.admin.post("migration", "rollback", reason="begin again")


def begins_to_write_both_sides(led: Led) -> None:
    led.expect_at("legacy")
    expect(led.ask("^Start…")).to_contain_text("One transaction of the legacy system holds the row")
    led.confirm("Move to dual_write", Reason="both sides")
    led.expect_at("dual_write")
    assert (led.step(), led.newest()["reason"], led.newest()["actor"]) == ("dual_write 0", "both sides", "kim")


def imports_rows(led: Led) -> None:
    led.strangler.run_controller()
    led.return_to_tab()
    led.console.main.get_by_role("link", name="backfill").click()
    expect(led.ask("Import rows…")).to_contain_text("About 5 rows")
    led.confirm("Import rows")
    expect(led.console.main).to_contain_text("5 rows became events, 0 cannot")
    assert led.found("backfill")["progress"]["imported"] == len(ROWS)
    led.tab("Now")


def follows_the_controller(led: Led) -> None:
    wait_until(lambda: led.strangler.run_controller() == "canary 10 %", "the controller's first step", PATIENCE)
    led.expect_at("canary.10")
    led.strangler.stack.settle()
    conditions = led.console.main.get_by_role("table", name="Conditions of the next step")
    compared = conditions.get_by_role("row", name=re.compile("compared reads"))
    expect(compared).to_contain_text("at least 3 reads")
    led.read_until(lambda: re.search("[1-9][0-9]* reads", compared.inner_text()), "compared reads on the page")
    expect(led.console.main.get_by_role("meter", name="Lag")).to_have_attribute("aria-valuemax", "5000")


def shows_reads_that_differ_and_the_way_back(led: Led) -> None:
    led.ask("Move to canary.50")
    led.confirm("Move to canary 50 %", Reason="looks good")
    led.expect_at("canary.50")
    assert led.step() == "canary 50"
    states.falsify(led.strangler.stack, FIRST)
    led.read_until(lambda: led.found("differences")["differences"], "a read that differs")
    led.tab("Reads that differ")
    differing = led.console.main.get_by_role("row", name=re.compile(FIRST)).first
    expect(differing).to_contain_text("c-1")
    expect(differing).to_contain_text("someone-else")
    led.read_until(lambda: led.strangler.run_controller() == "dual_write", "the controller to go back")
    led.expect_at("dual_write")
    led.tab("History")
    expect(
        led.console.main.get_by_role("row", name=re.compile("moved to dual_write.*too many reads differ"))
    ).to_contain_text("controller")
    led.console.main.get_by_text("Evidence of version").first.click()
    expect(led.console.main.get_by_role("table", name="Decisions")).to_contain_text("mismatchRate")
    led.tab("Now")
    led.admin.post("projections", "order", "rebuild", "stream", stream=states.stream(FIRST))


def cuts_over_and_back(led: Led) -> None:
    expect(led.ask("Move to canary.100")).to_contain_text("The controller would still wait")
    led.confirm("Move to canary 100 %", Reason="again")
    led.expect_at("canary.100")
    assert (led.step(), led.found()["leader"]) == ("canary 100", "events")
    expect(led.ask("Roll back to canary.10.%")).to_contain_text("answered 503 with Retry-After")
    led.confirm("Roll back to canary 10 %", Reason="not so fast")
    led.expect_at("canary.10")
    assert (led.step(), led.found()["leader"]) == ("canary 10", "legacy")
    led.ask("^Roll back…")
    led.confirm("Roll back to dual_write", Reason="a phase back")
    led.expect_at("dual_write")
    assert led.step() == "dual_write 0"


def switches_the_legacy_system_off(led: Led) -> None:
    led.ask("Move to canary.100")
    led.confirm("Move to canary 100 %", Reason="once more")
    led.expect_at("canary.100")
    dialog = led.ask("^Advance…")
    expect(dialog).to_contain_text("There is no way back from event_store")
    dialog.get_by_label("Reason").fill("for good")
    dialog.get_by_label("Type event_store to confirm").fill("event store")
    dialog.get_by_role("button", name="for good").click()
    expect(dialog).to_be_visible()
    dialog.get_by_label("I have understood").check()
    dialog.get_by_role("button", name="for good").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Type event_store")
    assert led.step() == "canary 100", "nothing was asked of the API"
    led.confirm("Move to event_store for good", **{"Type event_store to confirm": "event_store"})
    led.expect_at("event_store")
    assert led.step() == "event_store 100"
    expect(led.console.main.get_by_role("button", name=re.compile("Roll back"))).to_have_count(0)


def archives_and_completes(led: Led) -> None:
    led.tab("Archive")
    led.ask("^Archive…")
    led.confirm("Archive")
    expect(led.console.main).to_contain_text("verified")
    assert led.found("archive")["archive"]["rows"] == len(ROWS)
    archives_again_once(led)
    led.end_waiting()
    led.ask("^Complete…").get_by_label("I have understood").check()
    led.confirm("Move to complete for good", Reason="switched off", **{"Type complete to confirm": "complete"})
    led.expect_at("complete")
    assert led.step() == "complete 100"


def archives_again_once(led: Led) -> None:
    """Also where the answer is lost on its way, and the same is asked for again."""
    first = led.found("archive")["archive"]["id"]
    path, lost = "**/admin/migration/archive", list[str]()

    def lose_one(route: Route) -> None:
        if route.request.method != "POST" or lost:
            return route.continue_()
        lost.append(route.fetch().json()["archive"]["id"])
        return route.abort()

    led.console.page.route(path, lose_one)
    led.console.expect_failure(0, "/admin/migration/archive")
    dialog = led.ask("^Archive again…")
    dialog.get_by_role("button", name="Archive", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("does not answer")
    led.confirm("Archive")
    led.console.page.unroute(path)
    assert led.found("archive")["archive"]["id"] == lost[0] != first
    expect(led.console.main).to_contain_text("verified")


def restores(led: Led) -> None:
    led.console.expect_failure(REFUSED, "/admin/migration/restore")
    dialog = led.ask("^Restore…")
    dialog.get_by_role("button", name="Restore").click()
    expect(dialog.get_by_role("alert")).to_contain_text("legacy_not_empty")
    for row in ROWS:
        key = {"tenant": {"S": TENANT}, "id": {"S": row}}
        led.strangler.stack.dynamodb.delete_item(TableName=TABLE, Key=key)
    led.confirm("Restore")
    expect(led.console.main).to_contain_text("5 rows compared with the manifest")
    assert set(led.strangler.program.rows(TENANT)) == set(ROWS)
