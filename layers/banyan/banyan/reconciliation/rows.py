"""Read models against folds over their streams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from banyan.errors import EventError, StreamCorrupted
from banyan.projections.base import AnyStreamProjection, Projection, ViewProjection
from banyan.projections.check import Difference, ViewFold, compare_rows, fold_row
from banyan.projections.views import Generation, RowKey, StateRow, ViewRow, Views
from banyan.reconciliation.fields import FieldDifference, differing
from banyan.reconciliation.report import Finding
from banyan.store import EventStore
from banyan.streams import StreamId

Content = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One look at all rows of a projection.

    Parameters
    ----------
    expected, actual : Mapping[str, Mapping]
        Content by row, as the events say and as it is; rows in flight are left out of both.
    findings : tuple[Finding, ...]
    in_flight : frozenset[str]
        Rows whose streams moved during the look.
    """

    expected: Mapping[str, Content]
    actual: Mapping[str, Content]
    findings: tuple[Finding, ...]
    in_flight: frozenset[str]


def compare(projection: Projection, store: EventStore, views: Views) -> Comparison:
    """Look once at all rows of a projection.

    Raises
    ------
    StoreUnavailable
    """
    if isinstance(projection, ViewProjection):
        return _compare_view(projection, store, views)
    return _compare_states(projection, store, views)


def _streams(store: EventStore, entity: str) -> set[StreamId]:
    return {stream for stream in store.streams() if stream.entity == entity}


def _compare_states(projection: AnyStreamProjection, store: EventStore, views: Views) -> Comparison:
    streams = _streams(store, projection.entity)
    rows = {row.stream: row for row in views.all_states(Generation(projection.name))}
    expected = dict(_folded(projection, store, rows.keys() | streams))
    actual = {str(stream): _state_content(projection, row) for stream, row in rows.items()}
    findings = (_state_finding(name, expected.get(name), actual.get(name)) for name in expected.keys() | actual.keys())
    return Comparison(expected, actual, tuple(f for f in findings if f), frozenset())


def _folded(
    projection: AnyStreamProjection, store: EventStore, streams: Iterable[StreamId]
) -> Iterator[tuple[str, Content]]:
    for stream in sorted(streams):
        try:
            row = fold_row(projection, store, stream)
        except (StreamCorrupted, EventError):
            continue
        if row:
            yield str(stream), _state_content(projection, row)


def _state_content(projection: AnyStreamProjection, row: StateRow) -> Content:
    state: Content = projection.state.model_validate_json(row.state).model_dump()
    return {
        "(version)": row.version,
        "(recordedAt)": row.recorded_at,
        **{f"(lookup {index})": list(place) for index, place in row.lookups.items()},
        **state,
    }


def _state_finding(name: str, expected: Content | None, actual: Content | None) -> Finding | None:
    if expected == actual:
        return None
    if actual is None:
        return Finding(where=name, kind="missing_row", detail="the stream has no row")
    if expected is None:
        return Finding(where=name, kind="extra_row", detail="the row has no readable stream")
    fields = differing(expected, actual)
    behind = actual["(version)"] < expected["(version)"]
    return Finding(where=name, kind="stale_row" if behind else "different_row", fields=fields)


def _compare_view(projection: ViewProjection, store: EventStore, views: Views) -> Comparison:
    """Compare rows with a fold up to the watermarks, leaving out what streams touch that moved meanwhile."""
    generation = Generation(projection.name)
    before = views.watermarks(generation, sorted(_streams(store, projection.entity)))
    rows = views.all_rows(generation)
    streams = sorted(_streams(store, projection.entity))
    after = views.watermarks(generation, streams)
    fold = _fold(projection, store, {stream: after.get(stream, 0) for stream in streams})
    in_flight = _fold(projection, store, {s: after[s] for s in after if before.get(s) != after[s]}).keys()
    expected = {key: row for key, row in fold.items() if key not in in_flight}
    actual = {key: row for key, row in rows.items() if key not in in_flight}
    behind = [stream for stream in streams if after.get(stream, 0) < store.get_stream_version(stream)]
    return Comparison(
        _by_name(expected),
        _by_name(actual) | {str(stream): {"(version)": after.get(stream, 0)} for stream in behind},
        (*map(_view_finding, compare_rows(expected, actual)), *map(_behind, behind)),
        frozenset(map(_name, in_flight)),
    )


def _fold(projection: ViewProjection, store: EventStore, upto: Mapping[StreamId, int]) -> Mapping[RowKey, ViewRow]:
    fold = ViewFold(projection, store)
    for stream, version in upto.items():
        with suppress(StreamCorrupted, EventError):
            fold.take(stream, version)
    return fold.rows()


def _behind(stream: StreamId) -> Finding:
    return Finding(where=str(stream), kind="stale_stream", detail="events of this stream are missing from the rows")


def _view_finding(difference: Difference) -> Finding:
    names = (FieldDifference(name=name, expected=None, actual=None) for name in difference.fields)
    return Finding(where=difference.row, kind="different_row", fields=tuple(names))


def _by_name(rows: Mapping[RowKey, ViewRow]) -> dict[str, Content]:
    return {_name(key): {"(commits)": row.version, **row.fields} for key, row in rows.items()}


def _name(key: RowKey) -> str:
    return f"{key.tenant}#{key.partition}#{key.sort}"
