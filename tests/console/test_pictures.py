"""The pictures of the documentation, taken where ``make console-pictures`` asks for them."""

from __future__ import annotations

import os

import pytest
from tests.console.support.page import Console
from tests.console.support.pictures import ASKED, picture
from tests.console.support.screens import Place
from tests.console.support.states import GROWN, SAGA, stream

pytestmark = pytest.mark.skipif(os.environ.get(ASKED) != "1", reason="make console-pictures takes them")

SHOWN = (
    Place("overview", ["overview"], {}),
    Place("stream", ["streams", stream(GROWN)], {}),
    Place("state", ["streams", stream(GROWN)], {"tab": "state", "version": 5, "compare": 2}),
    Place("projection", ["projections", "order_list"], {}),
    Place("trace", ["traces", SAGA], {"tenant": "acme"}),
    Place("report", ["reconciliation"], {}, report=True),
)


@pytest.mark.parametrize("place", SHOWN, ids=lambda place: place.name)
def test_a_picture_is_taken(console: Console, place: Place) -> None:
    console.open(*place.on(console.stack), **place.query)
    console.page.wait_for_load_state("networkidle")
    picture(console, place.name)
