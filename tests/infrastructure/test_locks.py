"""What is tested is what is deployed: one set of locked versions, each with the digests of its files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from banyan.adapters.dynamodb.gateway import is_tested
from banyan_tools.project import ROOT

TESTED = ROOT / "requirements" / "dev.txt"
DEPLOYED = sorted((ROOT / "layers").glob("*/requirements.txt"))
LOCKS = sorted([*(ROOT / "requirements").rglob("*.txt"), *DEPLOYED])
HELD_BACK_BY_THE_SAM_CLI = {"boto3", "botocore", "click"}
REQUIREMENT = re.compile(
    r"(?P<name>[a-z0-9-]+)==(?P<version>\S+)(?: ; [^\\]+)?(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})+)"
)


def named(lock: Path) -> str:
    """A lock's path, for the test's name."""
    return str(lock.relative_to(ROOT))


def locked(lock: Path) -> dict[str, str]:
    """Versions by name. A line without a digest, or with anything else in it, does not match."""
    lines = [line for line in lock.read_text().replace("\\\n", "").splitlines() if not line.strip().startswith("#")]
    matches = [REQUIREMENT.fullmatch(re.sub(" +", " ", line.strip())) for line in lines]
    assert all(matches), [line for line, match in zip(lines, matches, strict=True) if not match]
    return {match["name"]: match["version"] for match in matches if match}


@pytest.mark.parametrize("lock", LOCKS, ids=named)
def test_every_requirement_is_pinned_with_its_digests(lock: Path) -> None:
    assert locked(lock)


@pytest.mark.parametrize("lock", LOCKS, ids=named)
def test_a_lock_holds_what_is_asked_for(lock: Path) -> None:
    asked = [line for line in lock.with_suffix(".in").read_text().splitlines() if line and not line.startswith("-")]
    assert {re.split(r"[\[; ]", line)[0] for line in asked} <= locked(lock).keys()


@pytest.mark.parametrize("lock", DEPLOYED, ids=named)
def test_what_is_deployed_is_what_is_tested(lock: Path) -> None:
    assert locked(lock).items() <= locked(TESTED).items()


@pytest.mark.parametrize("lock", DEPLOYED, ids=named)
def test_what_is_deployed_has_the_digests_that_are_tested(lock: Path) -> None:
    digests = re.findall(r"sha256:\w+", TESTED.read_text())
    assert set(re.findall(r"sha256:\w+", lock.read_text())) <= set(digests)


def test_the_environments_agree_but_for_what_the_sam_cli_holds_back() -> None:
    tested, sam, postgres = (locked(ROOT / "requirements" / f"{name}.txt") for name in ("dev", "sam", "postgres"))
    assert {name for name in tested.keys() & sam.keys() if tested[name] != sam[name]} == HELD_BACK_BY_THE_SAM_CLI
    assert all(tested[name] == postgres[name] for name in tested.keys() & postgres.keys())


def test_every_direct_requirement_is_judged() -> None:
    asked = [line for lock in LOCKS for line in lock.with_suffix(".in").read_text().splitlines()]
    names = {re.split(r"[\[; ]", line)[0] for line in asked if line and not line.startswith("-")}
    told = set(re.findall(r"`([a-z0-9-]+)`", (ROOT / "docs" / "dependencies.md").read_text()))
    assert names - told == set()


def test_the_botocore_that_is_deployed_is_one_that_the_parser_was_tested_on() -> None:
    """Else answers are read more slowly: run `tests/unit/test_parser.py` with the new one, then name it there."""
    assert is_tested(locked(ROOT / "layers" / "banyan" / "requirements.txt")["botocore"])
