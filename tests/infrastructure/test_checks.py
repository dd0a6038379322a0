"""One list of checks: what `make pr` asks of a change is what runs elsewhere, before a commit or after a push."""

from __future__ import annotations

import re

import yaml

from banyan_tools.project import ROOT

RULES = "\n".join(file.read_text() for file in [ROOT / "Makefile", *(ROOT / "tools" / "make").glob("*.mk")])
TARGETS = set(re.findall(r"^([a-z-]+):(?!=)", RULES, re.MULTILINE))


def test_the_checks_of_a_pull_request_are_those_of_ci() -> None:
    (pr,) = re.findall(r"^pr: ([a-z -]+) ##", RULES, re.MULTILINE)
    run = re.findall(r"^make (.+)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)

    assert sorted(pr.split()) == sorted(" ".join(run).split())
    assert set(pr.split()) <= TARGETS


def test_the_workflow_runs_them_on_the_oldest_and_the_newest_python() -> None:
    check = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]["check"]

    assert check["strategy"]["matrix"]["python"] == ["3.11", "3.13"]
    assert [step["run"] for step in check["steps"] if "run" in step] == ["bash .ci/run"]


def test_a_hook_calls_a_target_of_make() -> None:
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    called = [hook["entry"].split() for hook in local["hooks"]]

    assert local["repo"] == "local"
    assert all(make == "make" and target in TARGETS for make, target in called)
