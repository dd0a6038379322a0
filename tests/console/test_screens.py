"""What holds for every screen, those included that are made later: the page's own navigation lists them."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.console.conftest import on
from tests.console.support.axe import CONTRAST, axe
from tests.console.support.keyboard import walk
from tests.console.support.page import Console
from tests.console.support.screens import AT_THE_TOP, BELOW, PLACES, SCREENS, Place
from tests.support.clocks import lengthy

WIDTHS = (360, 1280, 3840)


def test_the_navigation_leads_to_every_screen(console: Console) -> None:
    console.sign_in()
    links = console.page.get_by_role("navigation", name="Screens").get_by_role("link")
    expect(links).to_have_count(len(SCREENS))
    for link, screen in zip(links.all(), SCREENS, strict=True):
        link.click()
        console.loaded()
        expect(console.page).to_have_url(f"{console.url}#/{screen}")
        expect(link).to_have_attribute("aria-current", "page")


@pytest.mark.parametrize(
    "place",
    [*AT_THE_TOP, *(pytest.param(place, marks=pytest.mark.slow) for place in BELOW)],
    ids=lambda place: place.name,
)
def test_a_place_is_accessible_by_keyboard_and_in_every_window(console: Console, place: Place) -> None:
    console.open(*place.on(console.stack), **place.query)
    expect(console.main.get_by_role("alert")).to_have_count(0)
    axe(console.page)
    console.theme("dark")
    axe(console.page, [CONTRAST])
    walk(console.page)
    for width in WIDTHS:
        console.width(width)
        assert not console.scrolls_sideways(), f"at {width} px"


@lengthy
@pytest.mark.parametrize("stack", on("dynamodb-local"), indirect=True)
def test_every_place_opens_on_the_exact_engine(console: Console) -> None:
    for place in PLACES:
        console.open(*place.on(console.stack), **place.query)
        expect(console.main.get_by_role("alert")).to_have_count(0)
