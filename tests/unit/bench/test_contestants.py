"""A contestant is asked and answers line by line; what fails is said, and ends nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from bench.contestants import Contestant, ContestantFailed, Entry, why_not

from banyan_tools.project import ROOT

SCRIPT = """
from bench.peers.protocol import serve

def add(one, other):
    return lambda: one + other

serve({"add": add, "end": lambda: exit})
"""


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    (tmp_path / "script.py").write_text(SCRIPT)
    return Entry("adder", (sys.executable, tmp_path / "script.py"), tmp_path, "adder")


def test_it_answers_with_what_that_took(entry: Entry) -> None:
    with Contestant(entry, "http://127.0.0.1:1", "t") as contestant:
        took = contestant.ask("add", one=1, other=2)

    assert took.answer == 3
    assert took.wall >= 0 <= took.cpu


def test_an_action_that_fails_leaves_it_ready_for_the_next(entry: Entry) -> None:
    with Contestant(entry, "http://127.0.0.1:1", "t") as contestant:
        with pytest.raises(ContestantFailed, match="adder says TypeError"):
            contestant.ask("add", one=1, other="2")
        assert contestant.ask("add", one=1, other=2).answer == 3


def test_one_that_ended_is_named(entry: Entry) -> None:
    with Contestant(entry, "http://127.0.0.1:1", "t") as contestant:
        with pytest.raises(ContestantFailed, match="adder ended"):
            contestant.ask("end")
        with pytest.raises(ContestantFailed, match="adder ended"):
            contestant.ask("add", one=1, other=2)


def test_what_is_not_installed_takes_no_part(entry: Entry) -> None:
    assert not entry.installed
    (entry.folder / ".installed").touch()
    assert entry.installed


def test_what_is_not_installed_says_why(tmp_path: Path) -> None:
    (tmp_path / "failed.reason").write_text("npm error code E404\nnpm error 404 Not Found\n")

    assert why_not(tmp_path / "failed") == "npm error 404 Not Found"
    assert why_not(tmp_path / "other") == "it is not installed"


def test_every_peer_has_a_lock() -> None:
    from bench.contestants import PEER_ENTRIES

    locks = [*(ROOT / "requirements" / "bench").glob("*.txt"), *(ROOT / "bench" / "peers").glob("*/package-lock.json")]
    names = {lock.stem if lock.suffix == ".txt" else lock.parent.name for lock in locks}
    assert {entry.folder.name for entry in PEER_ENTRIES} <= names
