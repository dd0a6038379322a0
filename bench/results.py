"""What was measured, what was aimed at, and whether it was met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Goal:
    """A bound that a figure is held to.

    Parameters
    ----------
    bound : float
        In the figure's unit.
    upper : bool
        Whether the figure may not be above the bound; otherwise it may not be below.
    """

    bound: float
    upper: bool

    def met(self, value: float) -> bool:
        """Whether a figure keeps to the bound, as it is shown: rounded to what the table prints."""
        shown = float(number(value).replace(",", ""))
        return shown <= self.bound if self.upper else shown >= self.bound

    def __str__(self) -> str:
        return f"{'≤' if self.upper else '≥'} {number(self.bound)}"


def at_most(bound: float) -> Goal:
    """A goal for what is paid or waited for."""
    return Goal(bound, upper=True)


def at_least(bound: float) -> Goal:
    """A goal for what is got."""
    return Goal(bound, upper=False)


Goals = Mapping[str, Goal]


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Parameters
    ----------
    samples : Sequence[float]
        One for each round; the line shows their median.
    note : str
        What a reader has to know to believe it, for instance that a peer lost events meanwhile.
    who : str
        Whose figure it is, where several are compared.
    panel : str
        The part of the chart that shows it.
    """

    what: str
    samples: Sequence[float]
    unit: str
    goal: Goal | None = None
    note: str = ""
    who: str = ""
    panel: str = ""

    @property
    def value(self) -> float:
        """The median of all rounds."""
        return median(self.samples)

    @property
    def measured(self) -> str:
        """The median with its unit, and the rounds' bounds where they differ as it is shown."""
        low, middle, high = (number(value) for value in (min(self.samples), self.value, max(self.samples)))
        spread = f" ({low}–{high})" if low != high else ""
        return f"{middle} {self.unit}".rstrip() + spread

    @property
    def lossy(self) -> bool:
        """Whether it is the figure of a peer that lost data meanwhile."""
        return self.note.startswith("loses data")

    @property
    def verdict(self) -> str:
        """``met``, ``missed``, or nothing where nothing was aimed at."""
        if self.goal is None:
            return ""
        return "met" if self.goal.met(self.value) else "missed"


@dataclass(frozen=True)
class Chapter:
    """The figures of one section."""

    title: str
    figures: Sequence[Figure]
    left_out: Sequence[str] = ()


def number(value: float) -> str:
    """A figure with as many digits as it deserves: three."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 and value % 1 else f"{value:.2f}".rstrip("0").rstrip(".")


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Quotients of figures of the same round."""
    return [one / other for one, other in zip(ours, theirs, strict=True)]
