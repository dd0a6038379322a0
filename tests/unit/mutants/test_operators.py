"""Which bugs are planted, and where."""

from __future__ import annotations

import ast

import pytest

from banyan_tools.contracts import DOMAINS, domains
from banyan_tools.mutants.operators import mutations
from banyan_tools.mutants.rooms import ROOMS
from banyan_tools.mutants.scratch import ROOT


def bugs(source: str) -> set[str]:
    """The source with each bug, as the compiler reads it."""
    return {ast.unparse(ast.parse(mutation.of(source))) for mutation in mutations(source)}


@pytest.mark.parametrize(
    ("source", "bug"),
    [
        ("a < b", "a <= b"),
        ("a < b", "a > b"),
        ("a == b", "a != b"),
        ("a is None", "a is not None"),
        ("a in b", "a not in b"),
        ("a and b", "a or b"),
        ("a and b and c", "a and c"),
        ("not a", "a"),
        ("a if b else c", "c"),
        ("a + b", "a - b"),
        ("a = 64", "a = 65"),
        ("a = 64", "a = 63"),
        ("a = True", "a = False"),
        ("min(a, key=b)", "max(a, key=b)"),
        ("sorted(a, key=b)", "list(a)"),
        ("reversed(a)", "list(a)"),
        ("read(Key=k, ConsistentRead=True)", "read(Key=k)"),
        ("read(**{'Key': k, 'ConsistentRead': True})", "read(**{'Key': k})"),
        ("a = '#v < :v OR attribute_not_exists(#v)'", "a = '#v < :v AND attribute_not_exists(#v)'"),
        ("a = '#v < :v OR attribute_not_exists(#v)'", "a = '#v < :v OR attribute_exists(#v)'"),
        ("a = '#v < :v OR attribute_not_exists(#v)'", "a = '#v <= :v OR attribute_not_exists(#v)'"),
        ("f'{name} = :v AND #n > :n'", "f'{name} = :v OR #n > :n'"),
        ("[a for a in b if a]", "[a for a in b]"),
        ("if a:\n    b()", "if a:\n    pass"),
        ("a.b = 1", "pass"),
        ("def f():\n    return a", "def f():\n    return None"),
        ("for a in b:\n    if c:\n        continue\n    d()", "for a in b:\n    if c:\n        break\n    d()"),
        ("for a in b:\n    d()", "for a in b:\n    d()\n    break"),
        ("é = 'é' if a < b else c", "é = 'é' if a <= b else c"),
    ],
)
def test_a_bug_is_planted(source: str, bug: str) -> None:
    assert ast.unparse(ast.parse(bug)) in bugs(source)


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring with a < b and 1 AND 2."""',
        "import a",
        "a: Literal[1]",
        "def f(a: Literal[1]) -> Literal[2]: ...",
        "_logger.warning('%s', a < b)",
        "if TYPE_CHECKING:\n    a = 1",
        "class A(Protocol):\n    def f(self) -> int:\n        return 1",
        "self._a = a",
    ],
)
def test_what_does_not_run_gets_none(source: str) -> None:
    assert not bugs(source)


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_sources_and_tests(room: str) -> None:
    chosen = ROOMS[room]
    tests = chosen.chosen(ROOT)
    assert tests
    if domains(ROOT / DOMAINS):
        assert [test for test in chosen.tests if not any(found.endswith(test) for found in tests)] == []
    assert sum(len(list(mutations((ROOT / file).read_text()))) for file in chosen.files(ROOT)) > 100
