"""Applying streams to the rows that they own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from banyan.errors import StoreUnavailable
from banyan.projections.base import AnyRowsProjection
from banyan.projections.owned import (
    OwnedPlan,
    Piece,
    RowFold,
    UnusableRow,
    carried,
    carrying,
    packs,
    piece_of,
    removals,
)
from banyan.projections.projector import CommitSource, Projector, StreamBatch, StreamProgress, own_error
from banyan.projections.views import KEPT_AFTER_EXPIRY, Generation, OwnedUpdate, StateRow, Views
from banyan.spread import Spread, in_turn
from banyan.store import Commit
from banyan.store.eventstore import Clock
from banyan.streams import StreamId


class RowsProjector(Projector[StateRow]):
    """Moves streams through a ``RowsProjection``: one transaction for each that moves, unless it writes many rows.

    An event sees the rows that the table holds for what the stream carries. Where these may be others, the stream is
    folded from its beginning in memory, and only what follows its checkpoint is written: when a commit was written
    in part, when an event is so late that the table may have deleted an expired row which it changes, and when a
    row does not fit its model any more.
    """

    def __init__(
        self,
        projection: AnyRowsProjection,
        generation: Generation,
        views: Views,
        source: CommitSource,
        clock: Clock,
        spread: Spread = in_turn,
    ) -> None:
        super().__init__(generation, views, source, clock, spread)
        self._projection = projection

    def project(self, batch: Sequence[StreamBatch]) -> list[StreamProgress]:
        """Apply a batch: one batch read, and as few writes as what was delivered fits into."""
        starts = self._starts([each.stream for each in batch])
        delivered = [each for each in batch if not each.from_table]
        plans = self._spread(lambda each: self._plan(each, starts.get(each.stream)), delivered if delivered[1:] else [])
        together = [plan for plan in plans if plan]
        done = [progress for pack in packs(together) for progress in self._write(pack)]
        planned = {plan.batch.stream for plan in together}
        others = [each for each in batch if each.stream not in planned]
        return done + self._spread(lambda each: self._advance(each, starts), others)

    def checkpoints(self, streams: Sequence[StreamId]) -> Mapping[StreamId, int]:
        """Versions of what streams carry; what cannot be continued counts as missing."""
        rows = self._starts(streams)
        return {stream: row.version for stream, row in rows.items() if carried(self._projection, row) is not None}

    def pieces(self, batch: StreamBatch, start: StateRow | None, *, trusted: bool = True) -> Iterator[Piece]:
        """What each commit after what a stream carries does to its rows.

        Parameters
        ----------
        trusted : bool
            Whether the rows in the table are those of what the stream carries.

        Raises
        ------
        UnusableRow
            Try again, and do not trust them.
        """
        known = carried(self._projection, start)
        checkpoint = start.version if start and known else 0
        fold: RowFold | None = None
        for commit, events in self._source.after(self.generation, batch, checkpoint):
            fold = fold or self._opened(commit, checkpoint, known, trusted=trusted)
            with self._traced(batch, events):
                written = fold.apply(events)
            yield piece_of(self._projection, commit, fold.state, written, self._clock())

    def _starts(self, streams: Sequence[StreamId]) -> Mapping[StreamId, StateRow]:
        return self._views.states(self.generation, streams)

    def _plan(self, batch: StreamBatch, start: StateRow | None) -> OwnedPlan | None:
        """What a stream asks for; ``None`` when it is to be applied by itself."""
        if start and (start.unfinished or carried(self._projection, start) is None):
            return None
        plan = OwnedPlan(batch, StreamProgress(batch.stream, start.version if start else 0))
        try:
            for piece in self._joined(self.pieces(batch, start)):
                if plan.update or not piece.fits:
                    return None
                self._add(plan, piece, start)
        except UnusableRow:
            return None
        except Exception as error:
            plan.progress = replace(plan.progress, error=own_error(error))
        return plan

    def _add(self, plan: OwnedPlan, piece: Piece, start: StateRow | None) -> None:
        rows = piece.rows if start else {sort: row for sort, row in piece.rows.items() if row}
        plan.update = OwnedUpdate(start, carrying(self._projection, piece.reached, piece.state, self._clock()), rows)
        plan.progress = StreamProgress(plan.batch.stream, piece.reached.last, piece.reached.recorded_at)
        plan.size = piece.size

    def _write(self, pack: Sequence[OwnedPlan]) -> list[StreamProgress]:
        """Write a whole pack, and what of it is refused stream by stream."""
        refused = self._refused([plan.update for plan in pack if plan.update])
        starts = self._starts(list(refused)) if refused else {}
        return [self._advance(plan.batch, starts) if plan.batch.stream in refused else plan.progress for plan in pack]

    def _refused(self, updates: Sequence[OwnedUpdate]) -> Collection[StreamId]:
        """Write updates in one transaction, those without rows each for itself; the streams that were not moved."""
        try:
            if len(updates) > 1 and not any(update.rows for update in updates):
                return set(self._views.move_carried(self.generation, updates))
            if updates:
                self._views.update_owned(self.generation, updates)
        except StoreUnavailable:
            raise
        except Exception:
            return {update.after.stream for update in updates}
        return ()

    def _apply(self, batch: StreamBatch, start: StateRow | None) -> StreamProgress:
        try:
            return self._applied(batch, start, trusted=start is None or not start.unfinished)
        except UnusableRow:
            return self._applied(batch, self._starts([batch.stream]).get(batch.stream), trusted=False)

    def _applied(self, batch: StreamBatch, start: StateRow | None, *, trusted: bool) -> StreamProgress:
        known = carried(self._projection, start) is not None
        done = StreamProgress(batch.stream, start.version if start and known else 0)
        writing = _Writing(self._projection, self.generation, self._views, start, remade=not known)
        try:
            for piece in self._joined(self.pieces(batch, start, trusted=trusted)):
                writing.write(piece, self._clock())
                done = StreamProgress(batch.stream, piece.reached.last, piece.reached.recorded_at)
        except UnusableRow:
            raise
        except Exception as error:
            return replace(done, error=own_error(error))
        return done

    def _opened(self, first: Commit, checkpoint: int, known: Any, *, trusted: bool) -> RowFold:
        """A fold that continues after a checkpoint."""
        late = self._projection.expires and first.recorded_at + KEPT_AFTER_EXPIRY <= self._clock()
        if known is not None and trusted and not late:
            return RowFold(self._projection, known, partial(self._views.read_owned, self.generation, first.stream))
        if known is not None and self._projection.keys is None:
            return RowFold(self._projection, known)
        fold = RowFold(self._projection, self._projection.initial())
        for events in self._source.up_to(first.stream, checkpoint):
            fold.apply(events)
        return fold

    @staticmethod
    def _joined(pieces: Iterator[Piece]) -> Iterator[Piece]:
        """As many commits in each piece as fit into a transaction; an error comes behind what preceded it."""
        whole: Piece | None = None
        error: Exception | None = None
        try:
            for piece in pieces:
                if whole and not whole.joined(piece):
                    yield whole
                    whole = None
                whole = whole or piece
        except Exception as caught:
            error = caught
        if whole:
            yield whole
        if error:
            raise error


class _Writing:
    """Writes what becomes of one stream.

    Parameters
    ----------
    before : StateRow, optional
        What the stream carries.
    remade : bool
        Its rows are made from the beginning: whatever rows it has are removed first.
    """

    def __init__(
        self,
        projection: AnyRowsProjection,
        generation: Generation,
        views: Views,
        before: StateRow | None,
        *,
        remade: bool,
    ) -> None:
        self._projection = projection
        self._generation = generation
        self._views = views
        self._before = before
        self._outdated = remade and before is not None
        self._made: set[str] | None = set() if remade else None

    def write(self, piece: Piece, projected_at: datetime) -> None:
        """One transaction, or several when a commit wrote more rows than it holds. Raises ``WriteConflict``."""
        if self._outdated and self._before:
            self._send(removals(self._before, self._views.list_owned(self._generation, self._before.stream)))
            self._outdated = False
        if self._made is not None:
            piece.rows = {sort: row for sort, row in piece.rows.items() if row or sort in self._made}
            self._made |= piece.rows.keys()
        self._send(piece.updates(self._projection, self._before, projected_at))

    def _send(self, updates: Iterator[OwnedUpdate]) -> None:
        for update in updates:
            self._views.update_owned(self._generation, [update])
            self._before = update.after
