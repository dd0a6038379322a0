"""The sample events of the ledger: made by the domain itself, and whole."""

from __future__ import annotations

import json

import pytest
from tests.support.sample_events import unpacked

from banyan.entrypoints.stream_batches import read_records
from banyan_tools.runtime.cases import SEED, cases, events_of, read_case
from ledger.tools.samples.book import book
from ledger.tools.samples.files import samples

DOMAIN = "ledger"


def test_the_files_are_what_the_book_makes_of_them() -> None:
    there = {f"{function}/{case}.json": unpacked(read_case(function, case, DOMAIN)) for function, case in cases(DOMAIN)}
    there[SEED] = unpacked(json.loads((events_of(DOMAIN) / SEED).read_text()))
    assert there == {name: unpacked(json.loads(text)) for name, text in samples().items()}, "run `make events`"


@pytest.mark.parametrize("function", ["projector", "reactor"])
def test_the_images_of_new_records_decode_to_the_commits_of_the_book(function: str) -> None:
    records = read_records(read_case(function, "insert", DOMAIN)["Records"])
    store = book().store
    made = sorted((commit for stream in store.streams() for commit in store.commits(stream)), key=str)
    assert sorted(records.commits, key=str) == made
    assert (records.from_table, records.tampered, records.unnamed) == (set(), [], 0)
