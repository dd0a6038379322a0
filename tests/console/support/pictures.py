"""Pictures for the documentation: what a test sees."""

from __future__ import annotations

from typing import Final, Literal

from tests.console.support.page import Tab

from banyan_tools.project import ROOT

FOLDER: Final = ROOT / "docs" / "pictures"
SIZE: Final = (1280, 800)
MOST_BYTES: Final = 200_000

Scheme = Literal["light", "dark"]


def picture(console: Tab, name: str, scheme: Scheme = "light") -> None:
    """Keep what the tab shows as ``console-<name>.png``."""
    console.width(*SIZE)
    console.theme(scheme)
    path = FOLDER / f"console-{name}.png"
    console.page.screenshot(path=path, animations="disabled", caret="hide", scale="css")
    assert path.stat().st_size <= MOST_BYTES, path
