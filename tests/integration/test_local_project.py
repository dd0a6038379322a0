"""A project on the local stack: what it holds survives a restart, and what changes in it is loaded again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3
from tests.support.clocks import PATIENCE, lengthy, wait_until

from banyan_tools.local.errors import StackError
from banyan_tools.local.process import StackProcess, lag
from banyan_tools.local.token import make_token
from banyan_tools.new.create import create

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("a project on the local stack")]

TITLE = "Read the rules"
PROJECTOR = "ProjectorCommits"


class Project:
    """A project, and the stack that serves it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "shop"
        self.data = folder / "data"
        create(self.folder, "shop")
        self.module = self.folder / "layers" / "domains" / "shop" / "tasks.py"

    @contextmanager
    def served(self, *arguments: str) -> Iterator[StackProcess]:
        template = str(self.folder / "template.yaml")
        with StackProcess(self.data, "--template", template, *arguments) as self.stack:
            yield self.stack
        assert self.stack.stop() == 0, self.stack.screen()

    def ask(self, path: str, body: Any = None, key: str = "") -> Any:
        """The answer to a question, or to a command that has a body; by default its path is its key."""
        answer = urllib3.request(
            "GET" if body is None else "POST",
            self.stack.url + path,
            body=None if body is None else json.dumps(body),
            headers={"Authorization": f"Bearer {make_token('acme', self.data)}", "Idempotency-Key": key or path},
            timeout=PATIENCE,
        )
        return answer.json()

    def change(self, old: str, new: str) -> None:
        text = self.module.read_text()
        assert old in text
        self.module.write_text(text.replace(old, new))

    def says(self, text: str) -> None:
        """Wait until the user has seen a line."""
        wait_until(lambda: re.search(text, self.stack.screen()) is not None, text)

    def loaded_again(self, times: int) -> None:
        """Wait until the user has seen so often that the module was loaded again."""
        line = "Loaded again, as shop/tasks.py has changed"
        wait_until(lambda: self.stack.screen().count(line) == times, f"{times} times: {line}")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@lengthy
def test_the_tables_survive_a_restart(project: Project) -> None:
    with project.served("--keep") as stack:
        project.says("kept in .*: nothing is kept there yet")
        project.ask("/tasks/t-1", {"title": TITLE})
        wait_until(lambda: lag(stack.url, PROJECTOR) == 0, "the projections")
    with project.served("--keep") as stack:
        project.says("kept in .*: [1-9][0-9]* items are back from there")
        wait_until(lambda: lag(stack.url, PROJECTOR) == 0, "what is delivered again")
        kept = project.ask("/tasks/t-1")
        repeated = project.ask("/tasks/t-1", {"title": TITLE})
        finished = project.ask("/tasks/t-1/finish", {})
    with project.served("--keep"):
        read = project.ask("/tasks/t-1?minVersion=2")
        before = project.ask("/tasks/t-1?atVersion=1")
        untitled = [project.ask("/tasks/t-2", {"title": ""}), project.ask("/tasks/t-2")]
        project.says("Open a first task:\\s+(.*\n)*.*/tasks/t-1 -d")

    assert (kept["title"], kept["version"], kept["servedFrom"]) == (TITLE, 1, "projection")
    assert repeated == {"title": TITLE, "state": "open"}, "the idempotency record is back, too"
    assert finished == {"title": TITLE, "state": "done"}
    assert (read["state"], read["version"]) == ("done", 2)
    assert (before["state"], before["version"]) == ("open", 1)
    assert [answer["status"] for answer in untitled] == [422, 404]


@lengthy
def test_what_a_stopped_stack_had_not_handled_is_handled_by_the_next(project: Project) -> None:
    with project.served("--keep"):
        for number in range(20):
            project.ask(f"/tasks/t-{number}", {"title": TITLE})
    with project.served("--keep") as stack:
        wait_until(lambda: lag(stack.url, PROJECTOR) == 0, "what is delivered again")
        answers = [project.ask(f"/tasks/t-{number}") for number in range(20)]

    assert {(answer["version"], answer["servedFrom"]) for answer in answers} == {(1, "projection")}


@lengthy
def test_nothing_is_kept_unasked(project: Project) -> None:
    with project.served():
        project.ask("/tasks/t-1", {"title": TITLE})
    with project.served():
        assert project.ask("/tasks/t-1")["code"] == "task_not_found"


@pytest.mark.slow
def test_a_file_that_does_not_fit_is_named_and_left_alone(project: Project) -> None:
    kept = project.data / "kept" / "tables.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{")

    with pytest.raises(StackError, match="does not fit the tables"), project.served("--keep"):
        pass
    assert kept.read_text() == "{"


@pytest.mark.slow
def test_a_folder_serves_one_stack_at_a_time(project: Project) -> None:
    with project.served("--keep"):
        first = project.stack
        with pytest.raises(StackError, match="Another stack uses"), project.served("--keep"):
            pass
        project.stack = first


def test_a_domain_that_changes_is_loaded_again(project: Project) -> None:
    with project.served():
        project.ask("/tasks/t-1", {"title": TITLE})
        project.change('"there is a task with this id"', '"it has been opened before"')
        project.says("(?m)^[0-9:]{8}  Loaded again, as shop/tasks.py has changed")
        refused = project.ask("/tasks/t-1", {"title": TITLE}, key="again")
        finished = project.ask("/tasks/t-1/finish", {})

    assert refused["detail"] == "it has been opened before"
    assert finished["state"] == "done", "what was there before the change is still there"


BROKEN = {
    "def decide(": "tasks.py, line [0-9]+: ",
    "import nothing_of_that_name": "nothing_of_that_name",
    "raise SystemExit(3)": "SystemExit: 3",
}


@pytest.mark.slow
def test_a_change_that_cannot_be_loaded_is_shown_and_the_version_before_continues(project: Project) -> None:
    with project.served():
        for number, (line, reason) in enumerate(BROKEN.items()):
            project.module.write_text(f"{project.module.read_text()}\n{line}\n")
            project.says(f"shop/tasks.py has changed, but the previous version keeps running.*{reason}")
            opened = project.ask(f"/tasks/t-{number}", {"title": TITLE})
            project.change(f"\n{line}\n", "")
            project.loaded_again(number + 1)
            finished = project.ask(f"/tasks/t-{number}/finish", {})
            assert (opened["title"], finished["state"]) == (TITLE, "done")


@pytest.mark.slow
def test_a_module_that_is_deleted_leaves_the_previous_version_running(project: Project) -> None:
    text = project.module.read_text()
    with project.served():
        project.module.unlink()
        project.says("shop/tasks.py has changed, but the previous version keeps running.*shop.tasks")
        opened = project.ask("/tasks/t-1", {"title": TITLE})
        project.module.write_text(text)
        project.says("Loaded again, as shop/tasks.py has changed")
        finished = project.ask("/tasks/t-1/finish", {})

    assert (opened["title"], finished["state"]) == (TITLE, "done")
