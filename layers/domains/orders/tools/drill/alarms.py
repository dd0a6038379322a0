"""Alarms of ``observability.yaml``, held against the metrics that functions wrote to their log."""

from __future__ import annotations

import json
import operator
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from banyan_tools.local.template import read
from banyan_tools.project import ROOT

OBSERVABILITY = ROOT / "observability.yaml"
COMPARISONS = {"GreaterThanOrEqualToThreshold": operator.ge, "GreaterThanThreshold": operator.gt}


@dataclass(frozen=True, slots=True)
class Alarm:
    """When an alarm of incidents rings.

    Parameters
    ----------
    comparison : str
        As CloudWatch names it.
    period : int
        Seconds that are summed up.
    """

    metric: str
    comparison: str
    threshold: float
    period: int

    def rings(self, datapoints: Iterable[tuple[float, float]]) -> bool:
        """Whether the sum of any period reaches the threshold.

        Parameters
        ----------
        datapoints : Iterable[tuple[float, float]]
            Moment, seconds since 1970, and value.
        """
        sums: Counter[int] = Counter()
        for moment, value in datapoints:
            sums[int(moment // self.period)] += value  # type: ignore[assignment]
        return any(COMPARISONS[self.comparison](total, self.threshold) for total in sums.values())


def incident(metric: str) -> Alarm:
    """The alarm that looks at a metric of incidents."""
    stack: Mapping[str, Any] = read(OBSERVABILITY)
    _, names, template = stack["Resources"]["Fn::ForEach::Incidents"]
    watched = stack["Parameters"][names["Ref"]]["Default"].split(",")
    assert metric in watched, f"no alarm looks at {metric}"
    (alarm,) = template.values()
    said = alarm["Properties"]
    return Alarm(metric, said["ComparisonOperator"], float(said["Threshold"]), int(said["Period"]))


def datapoints(log: Path, metric: str) -> Iterator[tuple[float, float]]:
    """Every value of a metric in a log, in CloudWatch's embedded metric format, and its moment."""
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if '"_aws"' in line and f'"{metric}"' in line:
                found = json.loads(line)
                values = found[metric] if isinstance(found[metric], list) else [found[metric]]
                yield from ((found["_aws"]["Timestamp"] / 1000, float(value)) for value in values)
