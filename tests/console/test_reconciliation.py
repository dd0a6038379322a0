"""Reconciliation: runs begun in the console and followed to their reports, and differences down to the field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from playwright.sync_api import Locator, expect
from tests.console.support import states
from tests.console.support.axe import axe
from tests.console.support.page import Console
from tests.console.support.stack import PATIENCE, Stack

pytestmark = pytest.mark.slow

RUN_MS = 2 * PATIENCE * 1000
"""For a run over all that other tests left on the stack."""
ORDER = "o-drifting"
STREAM = states.stream(ORDER)
DIFFERENCE = {"name": "customer_id", "expected": '"c-1"', "actual": '"someone-else"'}


def report(stack: Stack) -> Mapping[str, Any]:
    """The newest report."""
    found: Mapping[str, Any] = stack.admin.get("reconciliation", "reports", states.reports(stack)[0]["id"]).content
    return found


def findings(stack: Stack) -> list[Mapping[str, Any]]:
    return [each for section in report(stack)["sections"] for each in section["findings"] if each["where"] == STREAM]


def run(console: Console, main: Locator, button: str, says: str) -> None:
    """Go to the page of the runs, and begin one there."""
    main.get_by_role("link", name="Reconciliation", exact=True).click()
    follow(console, main, button, says)


def follow(console: Console, main: Locator, button: str, says: str) -> None:
    """Begin a run with a button, and follow it until its report is there.

    The page does not hear of its end, however soon that is, before it is loaded again.
    """
    before = len(states.reports(console.stack))
    main.get_by_role("button", name=button, exact=True).click()
    expect(console.dialog()).to_contain_text(says)
    axe(console.page)
    held = [True]
    console.page.route("**/admin/reconciliation", lambda route: None if held else route.continue_())
    console.confirm(button)
    expect(main.get_by_role("button", name=button, exact=True)).to_be_disabled()
    held.clear()
    console.page.reload()
    expect(console.page.get_by_role("status").filter(has_text="The run is done")).to_be_visible(timeout=RUN_MS)
    console.page.get_by_role("button", name="Dismiss").click()
    expect(main.get_by_role("button", name=button, exact=True)).to_be_enabled()
    assert len(states.reports(console.stack)) == before + 1
    console.page.unroute("**/admin/reconciliation")


def test_drift_is_found_down_to_the_field_repaired_and_gone(own_console: Console) -> None:
    stack = own_console.stack
    states.place(stack, ORDER)
    stack.settle()
    states.falsify(stack, ORDER)
    main = own_console.open("reconciliation")
    follow(own_console, main, "Run full", "Every stream, row and snapshot is read again")
    main.get_by_role("link", name="Show the report").click()
    expect(main.get_by_role("heading", level=1)).to_contain_text("differ")
    place = main.get_by_role("article").filter(has=own_console.page.get_by_role("link", name=STREAM))
    expect(place.get_by_role("row").filter(has_text="customer_id").get_by_role("cell")).to_have_text(
        [DIFFERENCE["name"], DIFFERENCE["expected"], DIFFERENCE["actual"]]
    )
    (found,) = findings(stack)
    assert (found["kind"], found["fields"], found["repair"]) == ("different_row", [DIFFERENCE], "")
    expect(place.get_by_role("link", name=STREAM)).to_have_attribute(
        "href", f"#/streams/acme%3Aorder%3A{ORDER}?tab=rows"
    )

    follow(own_console, main, "Repair", "Never written: commits")
    main.get_by_role("link", name="Show the report").click()
    expect(place).to_contain_text("Repair: the row was replaced, at version 1")
    assert findings(stack)[0]["repair"] == "the row was replaced, at version 1"

    run(own_console, main, "Run", "It only reads")
    assert findings(stack) == []
    came_to = "clean" if not report(stack)["differences"] else f"{report(stack)['differences']} of"
    expect(main.get_by_role("region", name="The last run")).to_contain_text(came_to)
    expect(main.get_by_role("region", name="The last run")).to_contain_text("tolerance 0 %")


def test_runs_are_listed_and_drawn_over_time(console: Console) -> None:
    states.reconcile(console.stack, full=False)
    main = console.open("reconciliation")
    listed = states.reports(console.stack)
    table = main.get_by_role("region", name="Runs, newest first").get_by_role("table")
    expect(table.get_by_role("row")).to_have_count(1 + len(listed))
    expect(table.get_by_role("row").nth(1)).to_contain_text("what changed")
    expect(table.get_by_role("row").last).to_contain_text("everything")
    for chart in ("Differences by run", "Rows read by run", "Duration by run"):
        expect(main.get_by_role("figure", name=chart).or_(main.locator("figure", has_text=chart))).to_be_visible()
    rows = main.get_by_role("table", name="Rows read by run").get_by_role("cell")
    expect(rows.last).to_have_text(str(listed[0]["rowsRead"]))


def test_a_report_says_what_it_compared_and_leads_to_projections(console: Console) -> None:
    main = console.open("reconciliation", states.reports(console.stack)[-1]["id"])
    expect(main).to_contain_text("compared equal or is listed here. Everything was read again.")
    sections = main.get_by_role("region", name="Sections")
    expect(sections.get_by_role("row", name=re.compile("^order "))).to_contain_text("differs")
    expect(sections.get_by_role("row", name=re.compile("^streams"))).to_contain_text("equal")
    expect(sections.get_by_role("link", name="order_list")).to_have_attribute("href", "#/projections/order_list")


def test_a_long_report_says_its_bounds_and_shows_any_text_as_text(console: Console) -> None:
    """What a report may hold at most, and no test would want to plant."""
    id = states.reports(console.stack)[-1]["id"]
    whole = console.stack.admin.get("reconciliation", "reports", id).content
    section = next(each for each in whole["sections"] if each["name"] == "order")
    section |= {"differences": 120, "repaired": 1, "inFlight": 250, "moving": [f"acme:order:m-{n}" for n in range(100)]}
    section["findings"] = [finding(number) for number in range(100)]
    legacy = {"name": "legacy", "note": "the backfill is not finished", "findings": [], "differences": 0}
    empty = {"compared": 0, "inFlight": 1, "moving": ["acme:order:m-1"], "expected": "", "actual": ""}
    whole["sections"] = [section, section | legacy | empty]
    console.page.route("**/admin/reconciliation/reports/*", lambda route: route.fulfill(json=whole))
    main = console.open("reconciliation", id)

    expect(main).to_contain_text("The first 100 of 120.")
    expect(main).to_contain_text("250 were moving and not judged: the next run looks again. The first 100:")
    expect(main).to_contain_text("1 was moving and not judged: the next run looks again.")
    expect(main.get_by_role("row", name=re.compile("^legacy"))).to_contain_text("the backfill is not finished")
    expect(main.get_by_role("article")).to_have_count(20)
    main.get_by_role("button", name="Show all 100").press("Enter")
    expect(main.get_by_role("article")).to_have_count(100)
    expect(main.get_by_role("heading", name="Differences in order")).to_be_focused()
    first = main.get_by_role("article").first
    expect(first).to_contain_text("The first 50 fields that differ.")
    expect(first.get_by_role("cell").nth(1)).to_have_text('"<b>\\u202eevil</b>"')
    expect(first.get_by_role("cell").nth(2)).to_contain_text("(cut)")
    expect(first).to_contain_text("Repair: not repaired: <script>alert(1)</script>")
    expect(main.locator("b, script")).to_have_count(0)
    axe(console.page)


def finding(number: int) -> Mapping[str, Any]:
    fields = [
        {"name": f"f{each}", "expected": '"<b>\u202eevil</b>"', "actual": "9" * 200}
        for each in range(1 if number else 50)
    ]
    return {
        "where": f"acme:order:o-{number}",
        "kind": "different_row",
        "version": None,
        "fields": fields,
        "detail": "",
        "repair": "not repaired: <script>alert(1)</script>",
    }


def test_a_report_that_is_not_there_is_said_as_the_api_says_it(console: Console) -> None:
    console.expect_failure(404, "/admin/reconciliation/reports/")
    main = console.open("reconciliation", "nothing")
    expect(main.get_by_role("alert")).to_contain_text("there is no report 'nothing': list them first")


def test_a_run_that_another_operator_began_is_followed_and_no_second_one_begins(own_console: Console) -> None:
    stack, page = own_console.stack, own_console.page
    answer = stack.admin.get("reconciliation").content
    at_work = {
        "startedAt": "2026-01-05T09:00:00Z",
        "full": True,
        "repair": False,
        "working": True,
        "segments": 3,
        "section": "order_list",
        "rowsRead": 12_345,
        "differences": 1,
        "repaired": 0,
    }
    page.route("**/admin/reconciliation", lambda route: route.fulfill(json=answer | {"run": at_work}))
    main = own_console.open("reconciliation")
    now = main.get_by_role("region", name="Now")
    for words in ("working", "12,345 rows read", "order_list", "1 difference, 0 repaired"):
        expect(now).to_contain_text(words)
    for button in ("Run", "Run full", "Repair"):
        expect(main.get_by_role("button", name=button, exact=True)).to_be_disabled()
    page.unroute("**/admin/reconciliation")
    expect(now).to_contain_text("No reconciliation is running.", timeout=RUN_MS)
    expect(main.get_by_role("button", name="Run", exact=True)).to_be_enabled()


def test_a_run_that_ends_while_another_is_asked_about_is_not_taken_for_that(own_console: Console) -> None:
    stack, page = own_console.stack, own_console.page
    states.reconcile(stack)
    main = own_console.open("reconciliation")
    main.get_by_role("button", name="Run full", exact=True).click()
    newest = states.reconcile(stack)
    standing = stack.admin.get("reconciliation").content
    page.route("**/admin/reconciliation/run", lambda route: route.fulfill(json=standing))
    own_console.confirm("Run full")
    expect(main.get_by_text("It has been started.")).to_be_visible()
    expect(page).to_have_url(re.compile(f"since={newest}"))
    expect(page.get_by_text("The run is done")).to_have_count(0)
