"""What a person reads in every form of a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from banyan_tools.cli import tables

Json = Mapping[str, Any]


def moment(value: str | None) -> str:
    """A time to the second, UTC."""
    return tables.moment(value) if value else "never"


def verdict(report: Json) -> str:
    """The report in a word or two."""
    if not report["differences"]:
        return "clean"
    tolerated = "" if report["drifted"] else ", tolerated"
    return f"{report['differences']:,} of {report['compared']:,} differ{tolerated}"


def name_of(section: Json) -> str:
    """A section's name, and why it was not compared if so."""
    return f"{section['name']} (not compared: {section['note']})" if section.get("note") else str(section["name"])


def what(finding: Json) -> str:
    """What is wrong in one place."""
    version = f" at version {finding['version']}" if finding["version"] else ""
    return f"{finding['kind']}{version}" + (f": {finding['detail']}" if finding["detail"] else "")


def fields_of(finding: Json) -> Iterator[str]:
    """One line for each field."""
    for field in finding["fields"]:
        yield f"{field['name']}: {field['expected'] or 'nothing'} → {field['actual'] or 'nothing'}"
