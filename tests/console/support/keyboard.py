"""What the Tab key leads to."""

from __future__ import annotations

from typing import Any, Final

from playwright.sync_api import Page

MOST_STEPS: Final = 250
REACHABLE: Final = """() => {
  const asked = "a[href], button, input, select, textarea, summary, [tabindex]:not(body)";
  const open = [...document.querySelectorAll(asked)].filter((each) => each.tabIndex >= 0 && !each.disabled
    && !each.closest("[inert]") && each.checkVisibility({visibilityProperty: true}));
  open.forEach((each, number) => (each.reachable = number));
  document.body.tabIndex = -1;
  document.body.focus();
  return open.map((each) => each.outerHTML.slice(0, 120));
}"""
FOCUSED: Final = """() => {
  const at = document.activeElement, {outlineStyle, outlineWidth, boxShadow} = getComputedStyle(at);
  const seen = (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none";
  return {number: at.reachable ?? -1, atBody: at === document.body, seen, html: at.outerHTML.slice(0, 120)};
}"""


def walk(page: Page) -> None:
    """Assert that Tab leads to everything that can be operated, in the order in which it stands, and visibly."""
    reachable: list[str] = page.evaluate(REACHABLE)
    steps = _steps(page)
    numbers = [step["number"] for step in steps if step["number"] >= 0]
    assert numbers == sorted(numbers), [step["html"] for step in steps]
    missed = [html for number, html in enumerate(reachable) if number not in numbers]
    seen = {step["number"] for step in steps if step["seen"]}  # of a field for a date, its parts are steps of their own
    unseen = [step["html"] for step in steps if step["number"] not in seen]
    assert (missed, unseen) == ([], []), f"missed: {missed}, without a visible focus: {unseen}"


def _steps(page: Page) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    while len(steps) < MOST_STEPS:
        page.keyboard.press("Tab")
        step = page.evaluate(FOCUSED)
        if step["atBody"]:
            break
        steps.append(step)
    return steps
