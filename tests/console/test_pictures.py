"""The pictures of the documentation, taken where ``make console-pictures`` asks for them."""

from __future__ import annotations

import os
from typing import Final

import pytest
from tests.console.support.legacy import Strangler
from tests.console.support.page import Console
from tests.console.support.pictures import Scheme, picture
from tests.console.support.screens import Place
from tests.console.support.stack import PATIENCE
from tests.console.support.states import GROWN, SAGA, stream
from tests.support.clocks import wait_until

ASKED: Final = "BANYAN_CONSOLE_PICTURES"
SHOWN: Final = (
    Place("overview", ["overview"], {}),
    Place("stream", ["streams", stream(GROWN)], {}),
    Place("state", ["streams", stream(GROWN)], {"tab": "state", "version": 5, "compare": 2}),
    Place("projection", ["projections", "order_list"], {}),
    Place("trace", ["traces", SAGA], {"tenant": "acme"}),
)
DARK: Final = Place("report", ["reconciliation"], {}, report=True)

pytestmark = pytest.mark.skipif(os.environ.get(ASKED) != "1", reason="make console-pictures takes them")


@pytest.mark.parametrize("place", SHOWN, ids=lambda place: place.name)
def test_a_picture_is_taken(console: Console, place: Place) -> None:
    take(console, place, "light")


def test_a_picture_is_taken_in_the_dark(console: Console) -> None:
    take(console, DARK, "dark")


def test_a_picture_is_taken_of_a_migration(strangler: Strangler, strangler_console: Console) -> None:
    strangler.start()
    wait_until(lambda: strangler.run_controller() == "dual_write", "the first step", PATIENCE)
    strangler.backfill()
    strangler_console.open("migration")
    strangler.read(3)
    strangler_console.page.wait_for_load_state("networkidle")
    picture(strangler_console, "migration")


def take(console: Console, place: Place, scheme: Scheme) -> None:
    console.open(*place.on(console.stack), **place.query)
    console.page.wait_for_load_state("networkidle")
    picture(console, place.name, scheme)
