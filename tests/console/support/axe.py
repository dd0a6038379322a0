"""Axe-core, the judge of accessibility."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import pytest
from playwright.sync_api import Page
from tests.console.support.browser import REQUIRE

from banyan_tools.project import ROOT

SOURCE: Final = ROOT / "tools/console/node_modules/axe-core/axe.min.js"
ABSENT: Final = "tools/console/node_modules is absent: make console-packages installs axe-core"
RULES: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
CONTRAST: Final = "color-contrast"
"""The only rule that another theme can break."""
RUN: Final = """async (rules) => {
  const {violations} = await axe.run(document, {runOnly: rules, resultTypes: ["violations"]});
  const why = (node) => node.any.map((each) => each.message).join("; ");
  return violations.flatMap(({id, help, nodes}) => nodes.map((node) => `${id}: ${help}: ${node.html}: ${why(node)}`));
}"""


@cache
def _source() -> str:
    return SOURCE.read_text()


def axe(page: Page, rules: Sequence[str] = RULES) -> None:
    """Assert that nothing on the page is against WCAG 2.2 AA or axe's best practices, or against some rules alone."""
    if not SOURCE.exists() and os.environ.get(REQUIRE) != "1":
        pytest.skip(ABSENT)
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(_source())
    found: Any = page.evaluate(RUN, list(rules))
    assert not found, found
