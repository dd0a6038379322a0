"""One run from its first to its last segment: what is kept between two of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from banyan.errors import BanyanError
from banyan.events import CamelModel
from banyan.reconciliation.cells import Cells, Key
from banyan.reconciliation.report import MAX_FINDINGS, Finding, Section
from banyan.reconciliation.steps import Stride

RUN: Final = Key("run", "-")


class RunState(CamelModel):
    """How far a run has come.

    Parameters
    ----------
    started_at : datetime
    full, repair : bool
    segments : int
        Invocations so far.
    step : int
        Index of the step it is at.
    cursor : str
        Where in that step.
    sections : tuple[Section, ...]
        What was found so far.
    pending : tuple[Finding, ...]
        Found in ``pending_section`` and to be repaired before the run goes on.
    unsettled_since : datetime, optional
        When the oldest change was made that is still on its way.
    leased_until : datetime, optional
        Nobody else may go on with the run before.
    """

    started_at: datetime
    full: bool = False
    repair: bool = False
    segments: int = 0
    step: int = 0
    cursor: str = ""
    sections: tuple[Section, ...] = ()
    pending: tuple[Finding, ...] = ()
    pending_section: str = ""
    unsettled_since: datetime | None = None
    leased_until: datetime | None = None

    def after(self, section: str, stride: Stride) -> RunState:
        """The state behind one chunk."""
        done = stride.cursor is None
        known = next((each.findings for each in self.sections if each.name == section), ())
        stride.findings = _fresh(known, stride.findings)
        return self.model_copy(
            update={
                "step": self.step + done,
                "cursor": stride.cursor or "",
                "sections": self._with(section, stride),
                "pending": tuple(stride.findings) if self.repair else (),
                "pending_section": section,
                "unsettled_since": _oldest([self.unsettled_since, *stride.moving.values()]),
            }
        )

    def after_repair(self, outcomes: Mapping[Finding, str], count: int) -> RunState:
        """The state behind the repair of what was pending."""
        sections = tuple(_noted(s, outcomes, count) if s.name == self.pending_section else s for s in self.sections)
        return self.model_copy(update={"pending": (), "sections": sections})

    def _with(self, name: str, stride: Stride) -> tuple[Section, ...]:
        found = {section.name: section for section in self.sections}
        found[name] = _added(found.get(name) or Section(name=name), stride)
        return tuple(found.values())


class RunLost(BanyanError):
    """Somebody else went on with the run."""


class Runs:
    """Keeps the run that is not finished.

    Parameters
    ----------
    cells : Cells
    """

    def __init__(self, cells: Cells) -> None:
        self._cells = cells
        self._text: str | None = None

    def open(self) -> RunState | None:
        """The run that is not finished, if there is one."""
        self._text = self._cells.read([RUN]).get(RUN)
        return RunState.model_validate_json(self._text) if self._text else None

    def save(self, state: RunState | None) -> None:
        """Keep the state, ``None`` when the run is finished. Raises ``RunLost`` when somebody else did meanwhile."""
        text = state.model_dump_json(by_alias=True) if state else None
        if not self._cells.replace(RUN, self._text, text):
            raise RunLost
        self._text = text


def _added(section: Section, stride: Stride) -> Section:
    moving = dict.fromkeys([*section.moving, *stride.moving])
    places = {finding.where for finding in stride.findings} - {finding.where for finding in section.findings}
    return section.model_copy(
        update={
            "in_flight": section.in_flight + len(stride.moving),
            "moving": tuple(moving)[:MAX_FINDINGS],
            "differences": section.differences + len(places),
            "findings": (*section.findings, *stride.findings)[:MAX_FINDINGS],
            "rows_read": section.rows_read + stride.rows_read,
            "nodes_read": section.nodes_read + stride.nodes_read,
        }
    )


def _fresh(known: Sequence[Finding], findings: Sequence[Finding]) -> list[Finding]:
    """Findings that were not made already, by an earlier chunk or by this one before it was interrupted."""
    seen = {(finding.where, finding.kind, finding.version) for finding in known}
    return [finding for finding in findings if (finding.where, finding.kind, finding.version) not in seen]


def _noted(section: Section, outcomes: Mapping[Finding, str], count: int) -> Section:
    findings = tuple(f.model_copy(update={"repair": outcomes[f]}) if f in outcomes else f for f in section.findings)
    return section.model_copy(update={"findings": findings, "repaired": section.repaired + count})


def _oldest(moments: Sequence[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)
