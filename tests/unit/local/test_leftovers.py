"""A DynamoDB Local that a killed stack left behind, and one that is not ours."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.clocks import PATIENCE

from banyan_tools.local.errors import StackError
from banyan_tools.local.leftovers import JAR, MARK, at_work_on, end_leftovers

SLEEP = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"

Left = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def left() -> Iterator[Left]:
    """Start a process that looks like DynamoDB Local on a folder, as far as its command line tells."""
    begun: list[subprocess.Popen[bytes]] = []

    def begin(folder: Path, *options: str, program: str = SLEEP) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", program, *options, "-jar", JAR, "-port", "1", "-dbPath", str(folder)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        begun.append(process)
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
        return process

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("program", [SLEEP, STUBBORN], ids=["willing", "stubborn"])
def test_what_a_stack_left_is_ended(tmp_path: Path, left: Left, program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("banyan_tools.local.leftovers.STOP_SECONDS", 1.0)
    process = left(tmp_path, MARK, program=program)
    said: list[str] = []

    end_leftovers(tmp_path, said.append)

    assert process.wait(PATIENCE) != 0
    assert at_work_on(tmp_path) == []
    assert str(process.pid) in said[0]


def test_what_no_stack_started_is_left_alone(tmp_path: Path, left: Left) -> None:
    process = left(tmp_path)

    with pytest.raises(StackError, match=f"Process {process.pid} keeps its tables in"):
        end_leftovers(tmp_path)
    assert process.poll() is None


def test_what_works_elsewhere_is_left_alone(tmp_path: Path, left: Left) -> None:
    others = [left(tmp_path / name, MARK) for name in ("data2", "data/inner", "other")]

    end_leftovers(tmp_path / "data")
    end_leftovers(tmp_path)

    assert [other.poll() for other in others] == [None] * 3


def test_a_folder_is_known_by_any_of_its_names(tmp_path: Path, left: Left) -> None:
    (tmp_path / "my data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "my data")
    process = left(tmp_path / "my data", MARK)

    end_leftovers(tmp_path / "link")

    assert process.wait(PATIENCE) != 0
