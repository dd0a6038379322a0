"""What was measured, what was aimed at, and whether it was met."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    def cell(self) -> str:
        """The median beside those of others, and in a few words what a reader has to know of it."""
        note = f", {self.note.partition(':')[0]}" if self.note else ""
        return f"{number(self.value)} {self.unit}".rstrip() + note

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

    @property
    def steady(self) -> bool:
        """Whether every round by itself comes to the same verdict."""
        return self.goal is None or len({self.goal.met(each) for each in self.samples}) == 1


@dataclass(frozen=True)
class Chapter:
    """The figures of one section.

    Parameters
    ----------
    failed : bool
        Whether it ended with an error that nothing foresees.
    sizes : str
        How much was done.
    """

    title: str
    figures: Sequence[Figure]
    left_out: Sequence[str] = ()
    failed: bool = False
    sizes: str = ""

    @property
    def alone(self) -> Sequence[Figure]:
        """Those with a goal, and those that are compared with no other's."""
        return [figure for figure in self.figures if figure.goal or not figure.who]

    @property
    def names(self) -> Sequence[str]:
        """Those whose figures stand side by side."""
        return list(dict.fromkeys(figure.who for figure in self.figures if figure.who))

    def side_by_side(self) -> Iterator[tuple[str, list[str]]]:
        """What several did: a figure of each, in the order of ``names``."""
        cells = {(figure.what, figure.who): figure.cell for figure in self.figures if figure.who}
        for what in dict.fromkeys(what for what, _ in cells):
            yield what, [cells.get((what, name), "") for name in self.names]


def number(value: float) -> str:
    """A figure with as many digits as it deserves: three."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 and value % 1 else f"{value:.2f}".rstrip("0").rstrip(".")


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Quotients of figures of the same round."""
    return [one / other for one, other in zip(ours, theirs, strict=True)]
