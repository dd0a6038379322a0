"""Code and pages use the words of the field: for each other word, the one to write instead."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from tests.docs.snippets import ROOT

NAMES: Final = {
    "Watermark|watermark": "checkpoint",
    "Setback|Upkeep|Statuses": "FailedStream, RowRepair, StatusReader",
    "Controls?|_?controls|cached_controls|ControlChanged": "ProjectionState, ProjectionStates",
    "News|Follower|Unfollowed": "SyncBacklog, LegacySync",
    "hand_over|look_after": "cutover or transfer, run_maintenance",
    "Notes|Cells": "Document, Documents",
    "Marks|Listed|Anew|PassedOn|Feeds": "DirtySet, FullListing, RestartingFeed, ForwardingFeed, CompositeFeed",
    "KnownCommits|Mover|Workshop": "CommitIdCache, PhaseTransitions, build_plan",
    "TableBeside|BesideRefused|Paired": "TransactionalTable, CompanionWriteRejected, TransactionalDualWrite",
    "Desk|World|desk|moto_world": "InProcessPlatform, MigrationFixture",
}
"""Names in code, as regular expressions, and what to call such things."""

PHRASES: Final = {
    "somebody|nobody|anybody|everybody": "who it is: an operator, another process; else anyone, no one",
    "anew": "again",
    "watermarks?": "checkpoint",
    "behind of": "after; has not reached",
    "go on|goes on": "continues, resumes",
    "takes? in|taken in|taking in": "applies",
    "told|tells": "says, shows, reports, records",
    "merely": "only",
    "hands? over|handed over": "pass, transfer, cutover",
    "(?<!there )(is|are) no (?!longer|more|one)": "is not a; there are no",
    "(?-i:As) in ``": "nothing: a protocol documents its methods once",
}
"""Phrases in text that people read, and what to write."""

PUBLISHED: Final = {
    "docs/migration.md": "anew",
    "docs/openapi.json": "[Aa]new|nobody",
    "layers/banyan/banyan/entrypoints/admin/migration.py": "anew",
    "layers/banyan/banyan/migration/stores/postgres.sql": "told",
    "layers/banyan/banyan/migration/writes/primary.py": "nobody",
    "tools/banyan_tools/cli/migration_work.py": "anew",
}
"""Members, options and stored values that stay as they were published, by the file that they stand in."""

CODE: Final = ("layers", "functions", "tools", "bench", "tests")
TEXT: Final = ("*.md", "*.yaml", "docs/**/*.md", "docs/openapi.json")
READ: Final = ("layers", "functions", "tools", "bench")


def test_names_are_words_of_the_field() -> None:
    name = re.compile(rf"(?:\b(?:class|def)\s+|\bself\.|\bapp\.|[(,]\s*)({'|'.join(NAMES)})\b(?=\s*[:(=.,)])")

    assert found(name, sources()) == [], f"what to call them: {NAMES}"


@pytest.mark.parametrize("words", PHRASES)
def test_people_read_plain_english(words: str) -> None:
    assert found(re.compile(rf"(?<![\w-])({words})", re.IGNORECASE), read_by_people()) == [], f"write {PHRASES[words]}"


def found(words: re.Pattern[str], files: tuple[Path, ...]) -> list[str]:
    """Where words stand that are not published there, as ``file:line: words``."""
    return [
        f"{place}:{text.count(chr(10), 0, match.start()) + 1}: {match[1]}"
        for place, text in ((str(file.relative_to(ROOT)), text_of(file)) for file in files)
        for match in words.finditer(text)
        if not re.fullmatch(PUBLISHED.get(place, "(?!)"), match[1])
    ]


@cache
def text_of(file: Path) -> str:
    return file.read_text(encoding="utf-8")


@cache
def sources() -> tuple[Path, ...]:
    return tuple(file for folder in CODE for file in (ROOT / folder).rglob("*.py") if file != Path(__file__))


@cache
def read_by_people() -> tuple[Path, ...]:
    pages = (file for pattern in TEXT for file in ROOT.glob(pattern))
    code = (file for folder in READ for kind in ("*.py", "*.sql") for file in (ROOT / folder).rglob(kind))
    return tuple(file for file in (*pages, *code) if "node_modules" not in file.parts)
