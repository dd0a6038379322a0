"""Reports as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.markup import escape
from rich.table import Table

from banyan.reconciliation.report import Finding, Report, Section
from tools.reports.words import fields_of, moment, verdict


def listing(reports: Sequence[Report]) -> Table:
    """One line for each report, newest first."""
    table = Table(
        "began", "verdict", "compared", "differences", "repaired", "verified through", title="Reconciliations"
    )
    for report in reports:
        counts = (str(report.compared), str(report.differences), str(report.repaired))
        table.add_row(moment(report.started_at), _colored(report), *counts, moment(report.verified_through))
    return table


def summary(report: Report) -> Iterator[Table]:
    """Sections and findings of a report."""
    title = f"{verdict(report)}, verified through {moment(report.verified_through)}"
    sections = Table("section", "compared", "differ", "repaired", "in flight", "rows", "nodes", title=title)
    sections.columns[0].overflow = "fold"
    for section in report.sections:
        sections.add_row(section.name, *map(str, _counts(section)))
    yield sections
    if report.differences:
        yield _findings(report)


def _findings(report: Report) -> Table:
    table = Table(
        "section", "where", "what", "fields: expected → actual", "repair", title="Differences", show_lines=True
    )
    for section in report.sections:
        for finding in section.findings:
            table.add_row(section.name, escape(finding.where), escape(_what(finding)), *_told(finding))
    return table


def _what(finding: Finding) -> str:
    version = f" at version {finding.version}" if finding.version else ""
    return f"{finding.kind}{version}" + (f": {finding.detail}" if finding.detail else "")


def _told(finding: Finding) -> tuple[str, str]:
    return escape("\n".join(fields_of(finding))), escape(finding.repair)


def _counts(section: Section) -> tuple[int, ...]:
    return (
        section.compared,
        section.differences,
        section.repaired,
        section.in_flight,
        section.rows_read,
        section.nodes_read,
    )


def _colored(report: Report) -> str:
    return f"[{'red' if report.drifted else 'green'}]{verdict(report)}"
