"""Which columns of a CSV count: one of values, and one of times, or two of dates and times of day."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from telemetry.tools.importer.moments import is_a_date, is_a_time_of_day, looks_like_a_time
from telemetry.tools.importer.rejections import LineRejected, Reason, UnusableFileError
from telemetry.tools.importer.sheet import separator_of, split

_TIMES: Final = ("timestamp", "time", "datetime", "date", "at", "ts")
_TIMES_OF_DAY: Final = ("time", "uhrzeit", "zeit", "heure", "hora", "ora")
_VALUES: Final = ("value", "reading", "measurement")
_SAMPLE: Final = 100
"""Lines that show what columns hold."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where time and value stand in a line.

    Parameters
    ----------
    times
        One column, or that of dates and that of times of day.
    names
        The header, empty where the file has none; it may be there again, as in files that were put together.
    count
        Columns that every line has.
    """

    separator: str
    times: tuple[int, ...]
    value: int
    count: int
    names: tuple[str, ...] = ()

    def of(self, line: str) -> tuple[str, str] | None:
        """Time and value of a line as texts, `None` for a header. Raises `LineRejected`."""
        fields = split(line, self.separator)
        if len(fields) != self.count:
            raise LineRejected(Reason.COLUMNS)
        return None if self.names and tuple(fields) == self.names else (joined(fields, self.times), fields[self.value])

    @property
    def time_name(self) -> str:
        """What `TIME=` says for the same column, or for the same two."""
        return label(self.names, *self.times)

    @property
    def value_name(self) -> str:
        """What `VALUE=` says for the same column."""
        return label(self.names, self.value)


def label(names: Sequence[str], *places: int) -> str:
    """What an option says for some columns: their names, or their numbers where they have none."""
    return "+".join((names[place] if names else "") or str(place + 1) for place in places)


def joined(fields: Sequence[str], places: Iterable[int]) -> str:
    """The text of some columns as if they were one."""
    return " ".join(fields[place] for place in places)


def columns(lines: Iterator[tuple[int, str]], time: str = "", value: str = "") -> Columns:
    """Decide from the first lines where time and value stand.

    Parameters
    ----------
    time, value
        Names of their columns, or numbers from 1 on, a date and a time of day joined by `+`; where empty, usual names
        show them, what they hold, or that there are no others.

    Raises
    ------
    UnusableFileError
        When it is not shown, or when dates would be read without their times of day.
    """
    head = _Head.of([line for _, line in islice(lines, _SAMPLE)])
    values = head.named(value, _VALUES)
    times = _times(head, time, values)
    others = [place for place in range(len(head.fields)) if place not in times]
    values = others if not value and len(others) == 1 else values
    if len(times) == 1 and not (time and head.is_daily(times[0])):
        _refuse_half(head, times[0], values)
    place = head.only(values, value, "VALUE")
    if len({*times, place}) <= len(times):
        raise UnusableFileError("TIME= and VALUE= name one column twice.")
    return Columns(head.separator, times, place, len(head.fields), head.names(times))


@dataclass(frozen=True, slots=True)
class _Head:
    """The first lines of a file: the fields of the first one, and those of all that have as many."""

    separator: str
    fields: list[str]
    rows: list[list[str]]

    @classmethod
    def of(cls, lines: Sequence[str]) -> "_Head":
        first = next((line for line in lines if "\0" not in line), None)
        if first is None:
            raise UnusableFileError("It is empty.")
        separator = separator_of(first)
        fields = split(first, separator)
        if len(fields) < 2:
            raise UnusableFileError("Its first line has one column only: a time and a value are needed.")
        return cls(separator, fields, [row for row in _rows(lines, separator) if len(row) == len(fields)])

    def named(self, asked: str, usual: Sequence[str] = ()) -> list[int]:
        """The columns of a name or a number, of a usual name where none is asked for."""
        if asked.isdecimal() and 1 <= int(asked) <= len(self.fields):
            return [int(asked) - 1]
        names = [asked.casefold()] if asked else usual
        return [place for place, field in enumerate(self.fields) if field.casefold() in names]

    def only(self, found: Sequence[int], asked: str, option: str) -> int:
        """The one that was found. Raises `UnusableFileError`."""
        if len(found) == 1:
            return found[0]
        problem = "several columns" if found else "no column"
        known = (
            f"Its first line has {problem} {asked}"
            if asked
            else f"Its columns do not show what is the {option.lower()}"
        )
        choice = ", ".join(filter(None, self.fields))
        raise UnusableFileError(f"{known}: say {option}= and a name or a number, of {choice}.")

    def names(self, times: Sequence[int]) -> tuple[str, ...]:
        """The header, empty where a time or a date stands in its place."""
        return () if looks_like_a_time(self.fields[times[0]]) else tuple(self.fields)

    def halves(self, values: Sequence[int]) -> tuple[list[int], list[int]]:
        """Columns of dates alone, and those of times of day alone, but for values."""
        dates, times = self._holding(is_a_date), self.times_of_day()
        return [place for place in dates if place not in values], [place for place in times if place not in values]

    def is_daily(self, place: int) -> bool:
        """Whether a column holds dates of which none comes again."""
        dates = [row[place] for row in self.rows if is_a_date(row[place])]
        return 1 < len(dates) == len({*dates})

    def moments(self) -> list[int]:
        """Columns of whole moments; numbers are some under a usual name only."""
        usual = self.named("", _TIMES)
        moments = self._holding(lambda text: looks_like_a_time(text) and not is_a_date(text))
        texts = self._holding(lambda text: looks_like_a_time(text) and not _is_a_number(text))
        return [place for place in moments if place in usual or place in texts]

    def times_of_day(self) -> list[int]:
        """Columns of times of day alone. What could be a number as well is one where its column has a usual name."""
        usual = self.named("", _TIMES_OF_DAY)
        clear = self._holding(lambda text: is_a_time_of_day(text) and not _is_a_number(text))
        return sorted({*clear, *usual}.intersection(self._holding(is_a_time_of_day)))

    def _holding(self, form: Callable[[str], bool]) -> list[int]:
        """Columns of which half of the texts have a form: the first one may be a header, others may be damaged."""
        texts = ([text for text in column if text] for column in zip(*self.rows, strict=True))
        return [place for place, column in enumerate(texts) if column and 2 * sum(map(form, column)) >= len(column)]


def _rows(lines: Iterable[str], separator: str) -> Iterator[list[str]]:
    for line in lines:
        try:
            yield split(line, separator)
        except LineRejected:
            continue


def _is_a_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal()


def _times(head: _Head, asked: str, values: Sequence[int]) -> tuple[int, ...]:
    found = head.named(asked, _TIMES)
    pair = (() if found else _asked_pair(head, asked)) if asked else _shown_pair(head, values)
    if pair:
        return pair
    if not asked and len(found) != 1 and len(head.fields) == 2:
        return (1,) if list(values) == [0] else (0,)
    return (head.only(found, asked, "TIME"),)


def _asked_pair(head: _Head, asked: str) -> tuple[int, ...]:
    """Two columns whose names or numbers are joined by a `+`, which may be part of a name, too."""
    parts = asked.split("+")
    cuts = (("+".join(parts[:cut]).strip(), "+".join(parts[cut:]).strip()) for cut in range(1, len(parts)))
    found = [(head.named(date), head.named(time)) for date, time in cuts if date and time]
    pairs = [(*dates, *times) for dates, times in found if len(dates) == len(times) == 1]
    return pairs[0] if len(pairs) == 1 else ()


def _shown_pair(head: _Head, values: Sequence[int]) -> tuple[int, ...]:
    """The only two that hold dates alone and times of day alone, where no other column can be the time."""
    dates, times = head.halves(values)
    if len(head.fields) == 2 or len(dates) != 1 or len(times) != 1 or head.moments():
        return ()
    is_usual = times[0] in head.named("", _TIMES_OF_DAY)
    is_alone = len(head.fields) == 3 and not head.is_daily(dates[0])
    return (*dates, *times) if is_usual or is_alone or not head.names((*dates, *times)) else ()


def _refuse_half(head: _Head, chosen: int, values: Sequence[int]) -> None:
    """Dates alone would be read as midnights, times of day alone not at all."""
    dates, times = head.halves(values)
    if not (dates and times and chosen in (*dates, *times)):
        return
    pair = (chosen if chosen in dates else dates[0], chosen if chosen in times else times[0])
    date, time = (label(head.names(pair), place) for place in pair)
    alone = f"TIME={date} for midnights" if head.is_daily(pair[0]) else f"leave {time} out of the file"
    raise UnusableFileError(f"Its dates are in {date} and times of day in {time}: say TIME={date}+{time}, or {alone}.")
