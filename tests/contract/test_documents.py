"""What every home of documents does: texts come back, pages are in order, and a change that came first is kept."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from tests.support.engines import DynamoDBEngine, Engine
from tests.support.wire import lost_answer, refused

from banyan.adapters.dynamodb.documents import CELLS, DynamoDBDocuments, Layout
from banyan.adapters.dynamodb.gateway import ATTEMPTS
from banyan.documents import Document, Documents, Key, MemoryDocuments, listed
from banyan.errors import Conflict, StoreMisconfigured, StoreRejected, StoreUnavailable

NOTES = Layout("part", "item", "text")
SINGLE = Layout("cursor", None, "control")
A, B, ABSENT = Key("marks", "a"), Key("marks", "b"), Key("marks", "absent")
BUSY = refused("TransactionConflictException")

Open = Callable[[Engine], Documents]


def in_memory_or(table: str, layout: Layout) -> Open:
    """Documents of an engine, in a table of this layout if it has any."""

    def opened(engine: Engine) -> Documents:
        if not isinstance(engine, DynamoDBEngine):
            return MemoryDocuments()
        return DynamoDBDocuments(engine.gateway, engine.named(table), layout)

    return opened


CELL_TABLE, NOTE_TABLE = in_memory_or("digests", CELLS), in_memory_or("migration", NOTES)
CURSOR_TABLE = in_memory_or("cursors", SINGLE)


@pytest.fixture(params=[CELL_TABLE, NOTE_TABLE, CURSOR_TABLE], ids=["compressed", "plain", "one key"])
def documents(engine: Engine, request: pytest.FixtureRequest) -> Documents:
    opened: Documents = request.param(engine)
    return opened


@pytest.fixture(params=[CELL_TABLE, NOTE_TABLE], ids=["compressed", "plain"])
def sorted_documents(engine: Engine, request: pytest.FixtureRequest) -> Documents:
    opened: Documents = request.param(engine)
    return opened


def test_a_document_comes_back_and_goes(documents: Documents) -> None:
    assert documents.get(A) is None
    documents.put(A, "long " * 1000)
    documents.put(B, "b")
    assert documents.get(A) == "long " * 1000
    documents.put(A, None)
    assert (documents.get(A), documents.get(B)) == (None, "b")


def test_many_come_back_and_go(documents: Documents) -> None:
    keys = [Key("marks", f"{number:03}") for number in range(130)]
    documents.put_many({key: key.sort for key in keys})
    documents.put_many({keys[7]: None, keys[8]: "8"})

    found = documents.get_many([*keys, ABSENT])

    assert found == {key: "8" if key is keys[8] else key.sort for key in keys if key is not keys[7]}
    assert documents.get_many([]) == {}


def test_a_text_is_replaced_by_who_saw_it(documents: Documents) -> None:
    assert documents.replace(A, None, "1")
    assert not documents.replace(A, None, "2")
    assert not documents.replace(A, "0", "2")
    assert documents.replace(A, "1", "2")
    assert not documents.replace(A, "1", None)
    assert documents.get(A) == "2"
    assert documents.replace(A, "2", None)
    assert not documents.replace(A, "2", None)
    assert documents.get(A) is None


def test_each_revision_follows_the_one_before(documents: Documents) -> None:
    assert not documents.revise(A, "2", 2)
    assert documents.revise(A, "1", 1)
    assert not documents.revise(A, "again", 1)
    assert documents.revise(A, "2", 2)
    assert not documents.revise(A, "late", 2)
    assert documents.get(A) == "2"
    documents.put(A, None)
    assert documents.revise(A, "a new one", 1)


def test_pages_are_in_order_and_only_the_last_is_short(sorted_documents: Documents) -> None:
    sorted_documents.put_many({Key("marks", name): name.upper() for name in ("b", "a", "c", "aa")})
    sorted_documents.put(Key("other", "a"), "no")
    assert sorted_documents.page("marks", 3) == [("a", "A"), ("aa", "AA"), ("b", "B")]
    assert sorted_documents.page("marks", 3, after="b") == [("c", "C")]
    assert sorted_documents.page("marks", 3, after="c") == []
    assert sorted_documents.page("nothing", 3) == []


def test_a_page_after_the_longest_name_there_is(sorted_documents: Documents) -> None:
    longest = "a" * 1024
    sorted_documents.put_many({Key("marks", longest): "1", Key("marks", "b"): "2"})

    assert list(listed(sorted_documents, "marks", page=1)) == [(longest, "1"), ("b", "2")]


def test_a_page_of_those_that_begin_alike(sorted_documents: Documents) -> None:
    names = ["p", "p/", "p/a", "p/b", "p/\U0010fffe", "p0", "q"]
    sorted_documents.put_many({Key("notes", name): name for name in names})
    assert [sort for sort, _ in sorted_documents.page("notes", 9, prefix="p/")] == names[1:5]
    assert [sort for sort, _ in sorted_documents.page("notes", 9, prefix="p/", after="p/a")] == names[3:5]
    assert [text for _, text in listed(sorted_documents, "notes", "p/", page=1)] == names[1:5]
    assert [text for _, text in listed(sorted_documents, "notes")] == names


def test_what_changed_meanwhile_is_not_deleted(documents: Documents) -> None:
    keys = [Key("marks", f"{number:03}") for number in range(120)]
    documents.put_many(dict.fromkeys(keys, "old"))
    documents.put_many({keys[7]: "new", keys[8]: None})

    documents.delete_unchanged(dict.fromkeys(keys, "old"))
    documents.delete_unchanged({})

    assert documents.get_many(keys) == {keys[7]: "new"}


@dataclass(frozen=True)
class Place:
    """A model of anything."""

    step: int


def test_one_process_at_a_time_continues_a_model(documents: Documents) -> None:
    mine, theirs = (Document(documents, Key("job", "place"), Place) for _ in range(2))
    assert mine.read() is None
    begun = mine.save(Place(1), instead_of=None)
    assert theirs.read() == begun == Place(1)

    theirs.save(Place(2), instead_of=begun)

    with pytest.raises(Conflict, match=r"another process continues the place$") as overtaken:
        mine.save(Place(3), instead_of=begun)
    assert overtaken.value.code == "overtaken"
    assert mine.read() == Place(2)


@pytest.mark.parametrize("engine_name", ["memory", pytest.param("dynamodb_local", marks=pytest.mark.dynamodb_local)])
def test_of_rivals_one_wins(engine_name: str, request: pytest.FixtureRequest) -> None:
    documents = CELL_TABLE(request.getfixturevalue(engine_name))

    def rival(number: int) -> list[bool]:
        return [documents.replace(A, None, "same"), documents.revise(B, f"{number}", 1)]

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(rival, range(8)))

    assert [sum(each) for each in zip(*won, strict=True)] == [1, 1]


def test_a_lost_answer_is_no_conflict_with_oneself(dynamodb: DynamoDBEngine) -> None:
    documents = CELL_TABLE(dynamodb)
    dynamodb.wire.inject(lost_answer, on="PutItem")
    assert documents.replace(A, None, "1")
    dynamodb.wire.inject(lost_answer, on="PutItem")
    assert documents.revise(B, "1", 1)


def test_a_lost_answer_to_a_deletion_is_no_conflict_with_oneself(dynamodb: DynamoDBEngine) -> None:
    documents = CELL_TABLE(dynamodb)
    documents.put(A, "1")
    dynamodb.wire.inject(lost_answer, on="DeleteItem")
    assert documents.replace(A, "1", None)
    assert documents.get(A) is None


def test_writes_in_the_way_are_waited_for_and_then_count_as_a_change(dynamodb: DynamoDBEngine) -> None:
    documents = CELL_TABLE(dynamodb)
    dynamodb.wire.inject(*[BUSY] * (ATTEMPTS - 1), on="PutItem")
    assert documents.replace(A, None, "1")
    dynamodb.wire.inject(*[BUSY] * ATTEMPTS, on="PutItem")
    assert not documents.replace(A, "1", "2")
    assert documents.get(A) == "1"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("InternalServerError", StoreUnavailable),
        ("AccessDeniedException", StoreMisconfigured),
        ("ResourceNotFoundException", StoreMisconfigured),
        ("ValidationException", StoreRejected),
    ],
)
def test_an_error_says_what_to_do(dynamodb: DynamoDBEngine, code: str, error: type[Exception]) -> None:
    documents = CELL_TABLE(dynamodb)
    for act in (
        lambda: documents.get(A),
        lambda: documents.get_many([A]),
        lambda: documents.page("marks", 1),
        lambda: documents.put(A, "1"),
        lambda: documents.put_many({A: "1"}),
        lambda: documents.replace(A, None, "1"),
        lambda: documents.delete_unchanged({A: "1"}),
    ):
        dynamodb.wire.clear()
        dynamodb.wire.inject(*[refused(code, status=500 if "Internal" in code else 400)] * 9)
        with pytest.raises(error, match=code):
            act()


def test_documents_in_one_key_have_no_pages(dynamodb: DynamoDBEngine) -> None:
    with pytest.raises(TypeError, match="cursor"):
        CURSOR_TABLE(dynamodb).page("marks", 1)
