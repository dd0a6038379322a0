"""What the stream of the views table says was written is marked, and what cannot be read of it is counted."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.clocks import START
from tests.support.projections import CountingTelemetry

from banyan.documents import MemoryDocuments
from banyan.entrypoints.changes import mark_rows
from banyan.projections.items import state_item_key, view_item_key
from banyan.projections.views import Generation, ViewKey, row_name
from banyan.reconciliation.feeds import DirtySet, FullListing
from banyan.reconciliation.sides import Listing
from banyan.streams import StreamId

LIVE = Generation("sums")
KEY, STREAM = ViewKey("acme", "p", "s"), StreamId("acme", "order", "o-1")


def written(keys: dict[str, Any]) -> dict[str, Any]:
    """A record of the views table's stream."""
    return {"eventName": "MODIFY", "dynamodb": {"Keys": keys}}


@pytest.mark.parametrize(
    "strange",
    [
        {"row": {"S": "sums"}, "sort": {"S": "s"}},
        {"row": {"S": "sums@1#acme"}, "sort": {"S": "s"}},
        {"row": {"S": "sums@1#nobody"}, "sort": state_item_key(LIVE, STREAM)["sort"]},
        {"row": {"N": "1"}, "sort": {"S": "s"}},
    ],
)
def test_rows_are_marked_and_one_without_a_name_of_ours_is_counted(strange: dict[str, Any]) -> None:
    documents, telemetry = MemoryDocuments(), CountingTelemetry()
    keys = [strange, view_item_key(LIVE, KEY), state_item_key(LIVE, STREAM), strange]
    mark_rows([written(each) for each in keys], documents, START, telemetry)
    assert sorted(DirtySet(documents, str(LIVE)).all()) == sorted([row_name(KEY), str(STREAM)])
    assert telemetry.counts == {"UnreadableRecords": 2}


def test_a_mark_that_is_made_again_at_the_same_moment_stays() -> None:
    marks = DirtySet(MemoryDocuments(), "a side")
    marks.add(["o-1", "o-2"], START)
    changes = marks.changed(START, 10)
    marks.add(["o-1"], START)
    marks.seen(changes)
    assert list(marks.all()) == ["o-1"]


def test_a_list_continues_behind_pages_without_entities() -> None:
    """A scan that filters has such pages, wherever other rows stand."""
    pages = {
        "": Listing((), "1"),
        "1": Listing(("a", "b"), "2"),
        "2": Listing((), "3"),
        "3": Listing(("c",), "4"),
        "4": Listing(()),
    }
    listed, found = FullListing(MemoryDocuments(), "a side", lambda position, _: pages[position]), list[str]()
    while (changes := listed.changed(START, 10)).ids:
        found += changes.ids
        listed.seen(changes)
    assert found == ["a", "b", "c"]
