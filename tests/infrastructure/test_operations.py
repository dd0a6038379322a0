"""An operator who is woken by an alarm finds it on the page, and only what exists."""

from __future__ import annotations

import re
from typing import Any

from typer.main import get_command

from banyan.entrypoints.admin.attention import URGENCY
from banyan_tools.cli import deadlines, ingest, migration, projections, reconciliation
from banyan_tools.cli.overview import COMMANDS
from banyan_tools.project import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text()
ALARMS = PAGE.partition("\n## When an alarm goes off\n")[2].partition("\n## ")[0]
TABLE = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", ALARMS, re.M)


def test_every_alarm_is_on_the_page_and_every_alarm_on_the_page_exists(alarms: dict[str, Any]) -> None:
    assert {name for row in TABLE for name in re.findall(r"\w+", row)} == alarms.keys()


def test_whatever_needs_a_person_is_on_the_page_with_what_to_type() -> None:
    needed = PAGE.partition("\n## What needs a person\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", needed, re.M)) == set(URGENCY)
    assert COMMANDS.keys() == URGENCY.keys() - {"stream_parked"}
    assert [code for code, command in COMMANDS.items() if command.partition(" {")[0] not in needed] == []


def test_every_command_on_the_page_exists_and_every_command_is_on_the_page() -> None:
    groups = {
        "projections": projections.app,
        "reconcile": reconciliation.app,
        "migration": migration.app,
        "deadlines": deadlines.app,
        "ingest": ingest.app,
    }
    commands = {name: set(get_command(app).commands) for name, app in groups.items()}  # type: ignore[attr-defined]
    shown = re.findall(r"\./banyan (\w+) (\w+)", PAGE)
    assert [(group, name) for group, name in shown if name not in commands.get(group, {name})] == []
    assert [name for names in commands.values() for name in names if not re.search(rf"`?\b{name}\b", PAGE)] == []
