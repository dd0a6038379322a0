"""Pictures for the documentation: what a test sees, where ``make console-pictures`` asks for it."""

from __future__ import annotations

import os
from typing import Final

from tests.console.support.page import Tab

from banyan_tools.project import ROOT

ASKED: Final = "BANYAN_CONSOLE_PICTURES"
FOLDER: Final = ROOT / "docs" / "pictures"
SIZE: Final = (1280, 800)
MOST_BYTES: Final = 150_000


def picture(console: Tab, name: str) -> None:
    """Keep what the tab shows as ``console-<name>-light.png`` and ``-dark.png``; nothing unless it is asked for."""
    if os.environ.get(ASKED) != "1":
        return
    console.width(*SIZE)
    for scheme in ("light", "dark"):
        console.theme(scheme)
        path = FOLDER / f"console-{name}-{scheme}.png"
        console.page.screenshot(path=path, animations="disabled", caret="hide", scale="css")
        assert path.stat().st_size <= MOST_BYTES, path
