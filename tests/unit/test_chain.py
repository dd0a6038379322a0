"""The hash chain: every attribute counts, and every break is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.clocks import START
from tests.support.ledger import account, deposits

from banyan.errors import StreamCorrupted
from banyan.events import Metadata
from banyan.store import Commit
from banyan.store.base import digest_of, follow, timestamp
from banyan.store.items import record
from banyan.streams import GENESIS_DIGEST, StreamHead

A = account("a")


def chain(sizes: list[int]) -> list[Commit]:
    head, commits = StreamHead.empty(A), list[Commit]()
    for number, size in enumerate(sizes):
        commits += record(head, deposits(*range(size)), f"commit-{number}", Metadata(), START).parts
        head = commits[-1].head
    return commits


CHAIN = chain([1, 2, 1, 3])


@pytest.mark.parametrize(
    "change",
    [
        {"stream": account("b")},
        {"position": 2},
        {"count": 2},
        {"commit_id": "other"},
        {"recorded_at": START + timedelta(microseconds=1)},
        {"types": ("Withdrawn",)},
        {"events": "[]"},
        {"part": 2},
        {"parts": 2},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_attribute_is_part_of_the_digest(change: dict[str, Any]) -> None:
    assert digest_of(GENESIS_DIGEST, replace(CHAIN[0], **change)) != CHAIN[0].digest
    assert digest_of("1" * 64, CHAIN[0]) != CHAIN[0].digest


@given(st.lists(st.integers(1, 4), max_size=8))
def test_a_chain_is_followed_from_its_beginning_and_from_every_head(sizes: list[int]) -> None:
    commits = chain(sizes)

    assert list(follow(StreamHead.empty(A), commits)) == commits
    for index, commit in enumerate(commits):
        assert list(follow(commit.head, commits[index + 1 :])) == commits[index + 1 :]
        assert list(follow(commit.last, commits[index + 1 :])) == commits[index + 1 :]


@given(st.permutations(range(4)))
def test_no_other_order_is_followed(order: list[int]) -> None:
    if order == sorted(order):
        return
    with pytest.raises(StreamCorrupted):
        list(follow(StreamHead.empty(A), [CHAIN[index] for index in order]))


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_missing_commit_is_named_by_its_version(missing: int) -> None:
    with pytest.raises(StreamCorrupted) as error:
        list(follow(StreamHead.empty(A), CHAIN[:missing] + CHAIN[missing + 1 :]))
    assert error.value.version == CHAIN[missing].position


def test_behind_a_bare_version_the_first_digest_is_taken_on_trust_and_no_other() -> None:
    forged = replace(CHAIN[1], digest="f" * 64)
    assert list(follow(1, [forged])) == [forged]

    with pytest.raises(StreamCorrupted, match="the digest does not match"):
        list(follow(1, [forged, CHAIN[2]]))


def test_a_digest_is_the_same_wherever_it_is_made() -> None:
    assert CHAIN[0].digest == "c6f92f7d21a0436f188ac1d71d9a4e2e1438c3dbb0ae517880674abc5b52c655"


@given(st.lists(st.timedeltas(timedelta(days=-10_000), timedelta(days=10_000)), min_size=2, max_size=6))
def test_timestamps_sort_as_text_as_they_do_in_time(since: list[timedelta]) -> None:
    moments = [(START + past).astimezone(timezone(timedelta(hours=index))) for index, past in enumerate(since)]

    assert sorted(moments, key=timestamp) == sorted(moments)
    assert all(datetime.fromisoformat(timestamp(moment)) == moment for moment in moments)
