"""Where a person can get to in the console: every screen of its navigation, and the places below them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.console.support import states
from tests.console.support.stack import Stack

from banyan_tools.project import ROOT

LISTED: Final = ROOT / "layers/banyan/banyan/entrypoints/console/page/screens/all.js"
SCREENS: Final = tuple(re.findall(r'path: "([a-z-]+)"', LISTED.read_text()))
"""First parts of the places in the navigation."""


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere in the console of a seeded stack; ``report`` adds the id of the newest report."""

    name: str
    path: Sequence[str]
    query: Mapping[str, object]
    report: bool = False

    def on(self, stack: Stack) -> Sequence[str]:
        """Its path on a stack."""
        return [*self.path, str(states.reports(stack)[0]["id"])] if self.report else self.path


BELOW: Final = (
    Place("a stream", ["streams", states.stream(states.GROWN)], {}),
    Place("a version of a stream", ["streams", states.stream(states.GROWN)], {"version": 5, "compare": 2}),
    Place("rows of a stream", ["streams", states.stream(states.FALSIFIED)], {"tab": "rows"}),
    Place("streams of an entity", ["streams"], {"tenant": "acme", "entity": "order"}),
    Place("a projection", ["projections", "order_list"], {}),
    Place("a rebuilt projection", ["projections", states.REBUILT], {}),
    Place("a trace", ["traces", states.SAGA], {"tenant": "acme"}),
    Place("a report", ["reconciliation"], {}, report=True),
)
AT_THE_TOP: Final = tuple(Place(screen, [screen], {}) for screen in SCREENS)
PLACES: Final = (*AT_THE_TOP, *BELOW)
