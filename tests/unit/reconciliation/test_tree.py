"""A digest tree depends on its entries alone, finds every difference, and reads little on the way."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banyan.documents import Documents, Key, MemoryDocuments
from banyan.reconciliation.content import checksum
from banyan.reconciliation.tree import LEAF_ENTRIES, DigestTree, differing, path_of

IDS = st.integers(0, 120).map(lambda n: f"acme:order:o-{n}")
ENTRIES = st.dictionaries(IDS, st.sampled_from(["a", "b"]), max_size=120)


def tree(entries: Mapping[str, str], documents: Documents | None = None, name: str = "one") -> DigestTree:
    """A tree made in one update."""
    made = DigestTree(documents or MemoryDocuments(), name)
    made.update(entries)
    return made


@given(before=ENTRIES, after=ENTRIES, chunk=st.integers(1, 40))
@settings(max_examples=60)
def test_the_way_to_its_entries_leaves_no_trace(before: dict[str, str], after: dict[str, str], chunk: int) -> None:
    walked = tree(before)
    changes: list[tuple[str, str | None]] = [(id, after.get(id)) for id in before.keys() | after.keys()]
    for start in range(0, len(changes), chunk):
        walked.update(dict(changes[start : start + chunk]))

    assert walked.root() == tree(after).root()
    assert walked.entries("", walked.root()) == after


@given(one=ENTRIES, other=ENTRIES)
@settings(max_examples=100)
def test_exactly_what_differs_is_found(one: dict[str, str], other: dict[str, str]) -> None:
    documents = MemoryDocuments()
    trees = tree(one, documents, "one"), tree(other, documents, "other")
    wanted = sorted((id for id in one.keys() | other.keys() if one.get(id) != other.get(id)), key=path_of)

    assert list(differing(*trees)) == wanted
    for after in wanted[:3]:
        assert list(differing(*trees, path_of(after))) == wanted[wanted.index(after) + 1 :]


@given(entries=ENTRIES, limit=st.integers(1, 50))
@settings(max_examples=40)
def test_entries_are_listed_page_by_page(entries: dict[str, str], limit: int) -> None:
    listed, found = tree(entries), list[str]()
    while page := listed.ids(path_of(found[-1]) if found else "", limit):
        assert len(page) <= limit
        found += page
    assert found == sorted(entries, key=path_of)


def test_an_update_that_was_interrupted_anywhere_is_completed_by_doing_it_again() -> None:
    before = {f"o-{n}": "a" for n in range(200)}
    changes: dict[str, str | None] = {f"o-{n}": None if n < 150 else "b" for n in range(230)}
    wanted = tree({id: c for id, c in (before | changes).items() if c}).root()
    writes = 0
    while True:
        documents = Stopping()
        interrupted = tree(before, documents)
        documents.left = writes
        try:
            interrupted.update(changes)
        except Interrupted:
            documents.left = None
            interrupted.update(changes)
            assert interrupted.root() == wanted
            writes += 1
            continue
        break
    assert writes > 10


@pytest.mark.parametrize("way", ["made", "grown", "shrunk"])
def test_as_many_entries_as_a_leaf_holds_are_one_node_and_one_more_are_not(way: str) -> None:
    def sized(size: int) -> DigestTree:
        before = {"made": size, "grown": size - 1, "shrunk": size + 1}[way]
        made = tree({f"o-{n}": "a" for n in range(before)})
        made.update({f"o-{n}": "a" if n < size else None for n in range(size + 1)})
        return made

    assert not sized(LEAF_ENTRIES).root().children
    assert sized(LEAF_ENTRIES + 1).root().children
    assert sized(LEAF_ENTRIES).root().count == LEAF_ENTRIES


def test_a_walk_that_continues_in_the_middle_of_a_deep_tree_leaves_nothing_out() -> None:
    documents, ids = MemoryDocuments(), [f"o-{n}" for n in range(1_500)]
    one, other = tree(dict.fromkeys(ids, "a"), documents, "one"), tree(dict.fromkeys(ids, "b"), documents, "other")
    wanted = sorted(ids, key=path_of)
    for place in range(0, len(wanted), 67):
        after = path_of(wanted[place])
        assert list(differing(one, other, after)) == wanted[place + 1 :]
        assert one.ids(after, 10) == wanted[place + 1 : place + 11]


class Interrupted(Exception):
    """The process ended."""


class Stopping(MemoryDocuments):
    """Documents that can be written a number of times only, one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.left: int | None = None

    def put_many(self, documents: Mapping[Key, str | None]) -> None:
        for key, text in documents.items():
            if self.left == 0:
                raise Interrupted
            self.left = None if self.left is None else self.left - 1
            self.put(key, text)


@pytest.mark.parametrize(("size", "depth"), [(1_000, 3), (10_000, 3), pytest.param(100_000, 4, marks=pytest.mark.slow)])
def test_nodes_read_grow_with_the_differences_and_with_the_logarithm_of_the_entities(size: int, depth: int) -> None:
    """Each difference costs one path down in each tree; a path grows by one node with each factor of 16."""
    documents = MemoryDocuments()
    entries = {f"acme:order:o-{n}": checksum({"n": n}) for n in range(size)}
    one, other = tree(entries, documents, "one"), tree(entries, documents, "other")
    for differences in (0, 1, 10):
        changed = list(entries)[:differences]
        other.update({id: checksum({"changed": id}) for id in changed})
        one.nodes_read = other.nodes_read = 0
        assert sorted(differing(one, other)) == sorted(changed)
        assert one.nodes_read + other.nodes_read <= 2 * (1 + differences * (depth - 1))
