"""A sketch of quantiles with a relative error, by DDSketch: how many values lie in each of many narrow bins.

The value that a sketch gives for a quantile ``q`` of ``n`` values differs from the one at the place
``floor(q * (n - 1))`` among them in order, counted from 0, by at most ``RELATIVE_ERROR`` of that one. That holds for
negative values too. What is closer to zero than 2.25e-308 counts as zero, and what is further from it than 1.77e308
counts as that.

Which bin a value belongs to follows from its bits alone, by arithmetic that is the same on every processor, so
sketches of the same values are equal in whatever order and pieces they were made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from ddsketch.mapping import CubicallyInterpolatedMapping

RELATIVE_ERROR: Final = 0.005

MOST_BINS: Final = 2048
"""Above and below zero each: from the value furthest from zero to one that is 600 million times closer.

What is closer still counts as that one.
"""

Bins = Mapping[int, int]
"""Values by bin; the bins of a sign are numbered from those closest to zero."""


class Sketch(NamedTuple):
    """How many values lie in which bins above and below zero, and how many are zero."""

    above: Bins
    below: Bins
    zeros: int

    @classmethod
    def of(cls, places: Iterable[Place]) -> Sketch:
        """A sketch of values by their places."""
        signs: dict[int, dict[int, int]] = {1: {}, -1: {}, 0: {}}
        for (sign, number), count in Counter(places).items():
            signs[sign][number] = count
        return cls(bounded(signs[1]), bounded(signs[-1]), sum(signs[0].values()))

    def quantiles(self, wanted: Iterable[float]) -> list[float]:
        """Values for some quantiles, each from 0 to 1, of at least one value."""
        sketch = _library_sketch(self)
        return [float(sketch.get_quantile_value(quantile)) for quantile in wanted]


Place = tuple[int, int]
"""Where a value lies: its sign, and its bin; (0, 0) for zero."""


def places(values: Iterable[float]) -> list[Place]:
    """Where values lie."""
    mapping = _mapping()
    key, least, most = mapping.key, mapping.min_possible, mapping.max_possible
    return [
        (1, key(min(value, most))) if value > least else (-1, key(min(-value, most))) if value < -least else (0, 0)
        for value in values
    ]


def merged_sketch(sketches: Sequence[Sketch]) -> Sketch:
    """A sketch of the values of all of them."""
    above, below = _sum(each.above for each in sketches), _sum(each.below for each in sketches)
    return Sketch(bounded(above), bounded(below), sum(each.zeros for each in sketches))


def bounded(bins: Bins) -> Bins:
    """No more than ``MOST_BINS`` in a row: those closest to zero are counted in the last one that is kept."""
    if len(bins) < 2 or (lowest := max(bins) - MOST_BINS + 1) <= min(bins):
        return bins
    kept = {number: count for number, count in bins.items() if number > lowest}
    return {**kept, lowest: sum(bins.values()) - sum(kept.values())}


def packed(bins: Bins) -> tuple[int, ...]:
    """Bins as they are stored: for each the distance from the one before, and its count."""
    found, before = list[int](), 0
    for number, count in sorted(bins.items()):
        found += number - before, count
        before = number
    return tuple(found)


def unpacked(stored: Sequence[int]) -> Bins:
    """Undo ``packed``."""
    return dict(zip(accumulate(stored[::2]), stored[1::2], strict=True))


def _sum(parts: Iterable[Bins]) -> Bins:
    bins: dict[int, int] = {}
    for part in parts:
        for number, count in part.items():
            bins[number] = bins.get(number, 0) + count
    return bins


@cache
def _mapping() -> CubicallyInterpolatedMapping:
    from ddsketch.mapping import CubicallyInterpolatedMapping

    return CubicallyInterpolatedMapping(RELATIVE_ERROR)


def _library_sketch(sketch: Sketch) -> Any:
    from ddsketch.ddsketch import BaseDDSketch
    from ddsketch.store import DenseStore

    above, below = DenseStore(), DenseStore()
    for store, bins in ((above, sketch.above), (below, sketch.below)):
        for number, count in bins.items():
            store.add(number, count)
    return BaseDDSketch(_mapping(), above, below, sketch.zeros)
