"""What a person reads in every form of a report."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from banyan.reconciliation.report import Finding, Report


def moment(value: datetime | None) -> str:
    """A time to the second, UTC."""
    return value.strftime("%Y-%m-%d %H:%M:%S") if value else "never"


def verdict(report: Report) -> str:
    """The report in a word or two."""
    if not report.differences:
        return "clean"
    return f"{report.differences} of {report.compared} differ" + ("" if report.drifted else ", tolerated")


def fields_of(finding: Finding) -> Iterator[str]:
    """One line for each field."""
    for field in finding.fields:
        yield f"{field.name}: {field.expected or 'nothing'} → {field.actual or 'nothing'}"
