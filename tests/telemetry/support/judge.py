"""What pandas computes of a file: the judge of every window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import fsum, isclose
from pathlib import Path
from typing import Any, Final

SIZES: Final = {"1m": "min", "1h": "h", "1d": "D"}
QUANTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
RELATIVE_ERROR_OF_PANDAS: Final = 1e-12
"""Of its own sums, which it adds up in floats."""
TINY: Final = 1e-300
EXACT: Final = ("count", "sum", "mean", "min", "max", "first", "last")


@dataclass(frozen=True, slots=True)
class JudgedWindow:
    """A window as pandas has it: `sum` by `math.fsum` of its group, `pandas_sum` and `pandas_mean` its own."""

    count: int
    sum: float
    mean: float
    min: float
    max: float
    first: float
    last: float
    quantiles: Mapping[str, float]
    pandas_sum: float
    pandas_mean: float


def read(path: Path) -> Any:
    """The readings of a file `timestamp,value`, in the order of time and value."""
    import pandas

    frame = pandas.read_csv(path, parse_dates=["timestamp"], na_values=["-200"]).dropna()
    return frame.sort_values(["timestamp", "value"], kind="stable")


def frame_of(readings: Iterable[tuple[int, float]]) -> Any:
    """Readings by their microseconds since 1970, in the order of time and value."""
    import pandas

    frame = pandas.DataFrame(list(readings), columns=["timestamp", "value"])
    frame["timestamp"] = pandas.to_datetime(frame.timestamp, unit="us")
    return frame.sort_values(["timestamp", "value"], kind="stable")


def judged(frame: Any, size: str) -> Mapping[str, JudgedWindow]:
    """All windows of a size, by their start as the API writes it."""
    groups = frame.groupby(frame.timestamp.dt.floor(SIZES[size])).value
    figures = groups.agg(["count", "sum", "mean", "min", "max", "first", "last"])
    columns = {name: column.tolist() for name, column in figures.items()}
    exact = [fsum(values) for values in groups.agg(list)]
    quantiles = groups.quantile(list(QUANTILES.values()), interpolation="lower").unstack()
    shares = zip(*(quantiles[share].tolist() for share in QUANTILES.values()), strict=True)
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    return {
        f"{start.isoformat()}Z": JudgedWindow(
            **{name: row[name] for name in ("count", "min", "max", "first", "last")},
            sum=sum,
            mean=sum / row["count"],
            quantiles=dict(zip(QUANTILES, values, strict=True)),
            pandas_sum=row["sum"],
            pandas_mean=row["mean"],
        )
        for start, row, sum, values in zip(figures.index, rows, exact, shares, strict=True)
    }


def check_window(shown: Mapping[str, Any], judge: JudgedWindow, relative_error: float) -> None:
    """Hold a window of the API against the judge's; figures exactly, quantiles within the error of their sketch."""
    assert {name: shown[name] for name in EXACT} == {name: getattr(judge, name) for name in EXACT}
    assert isclose(shown["sum"], judge.pandas_sum, rel_tol=RELATIVE_ERROR_OF_PANDAS, abs_tol=TINY)
    assert isclose(shown["mean"], judge.pandas_mean, rel_tol=RELATIVE_ERROR_OF_PANDAS, abs_tol=TINY)
    for name, value in judge.quantiles.items():
        assert abs(shown[name] - value) <= abs(value) * relative_error * (1 + 1e-9), name
