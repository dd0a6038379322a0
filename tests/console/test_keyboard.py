"""The keyboard alone is enough: past the navigation, and into a dialog and out of it."""

from __future__ import annotations

from playwright.sync_api import expect
from tests.console.support.page import Console
from tests.console.support.states import REBUILT

IN_DIALOG = "document.activeElement === document.body || document.activeElement.closest('dialog') !== null"
STEPS = 12


def test_the_first_step_leads_past_the_navigation(console: Console) -> None:
    console.open("streams")
    console.page.evaluate("document.body.tabIndex = -1; document.body.focus()")
    console.page.keyboard.press("Tab")
    expect(console.page.get_by_role("link", name="Skip to the content")).to_be_focused()
    console.page.keyboard.press("Enter")
    expect(console.main.get_by_role("heading", level=1)).to_be_focused()


def test_a_dialog_keeps_the_focus_and_gives_it_back(console: Console) -> None:
    console.open("projections", REBUILT)
    opener = console.main.get_by_role("button", name="Pause")
    opener.focus()
    console.page.keyboard.press("Enter")
    expect(console.dialog()).to_be_visible()
    for _ in range(STEPS):
        console.page.keyboard.press("Tab")
        assert console.page.evaluate(IN_DIALOG)
    console.page.keyboard.press("Escape")

    expect(console.dialog()).to_have_count(0)
    expect(opener).to_be_focused()
