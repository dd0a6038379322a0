"""How much of the engine one has to read to follow a request."""

from __future__ import annotations

import pytest
from bench.hops import Way, ways


@pytest.fixture(scope="module")
def found() -> dict[str, Way]:
    return dict(ways())


@pytest.mark.parametrize(
    ("name", "files", "hops"), [("POST /orders, warm", 18, 50), ("one stream record → row", 20, 120)]
)
def test_a_warm_call_stays_within_few_files(found: dict[str, Way], name: str, files: int, hops: int) -> None:
    way = found[name]
    assert 0 < len(way.files) <= files, sorted(way.files)
    assert 0 < way.hops <= hops
