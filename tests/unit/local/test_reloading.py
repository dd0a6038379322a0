"""What a user hears of files that have changed."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from banyan_tools.local.console import Console
from banyan_tools.local.reloading import Reloading


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["tasks.py"], "shop/tasks.py has changed"),
        (["tasks.py", "routes.py"], "shop/routes.py, shop/tasks.py have changed"),
    ],
)
@pytest.mark.parametrize(("text", "line"), [("x = 1", "Loaded again, as {}."), ("x =", "{}, but the previous version")])
def test_what_has_changed_is_named(
    tmp_path: Path, console: Console, screen: io.StringIO, names: list[str], told: str, text: str, line: str
) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    reloading = Reloading([folder], lambda: lambda: None, console)
    for name in names:
        (folder / name).write_text(text)
    reloading.step()
    assert line.format(told) in screen.getvalue()
