"""Lists and shows reports of the reconciliation.

make reports ARGS="list --table banyan-ReportsTable"
make reports ARGS="show --table banyan-ReportsTable [--at 2026-01-05T09:00:00Z] [--html report.html | --json]"
make reports ARGS="show --file answer.json"          # what an invocation of the reconciler answered
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console

from banyan.aws.clients import dynamodb_client
from banyan.reconciliation.report import DynamoDBReports, Report, Reports
from tools.reports.page import page
from tools.reports.tables import listing, summary

HISTORY = 30


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; exits with 1 when the shown report drifted, 2 when there is none."""
    options = _options(arguments)
    reports = _reports(options)
    if options.command == "list":
        Console().print(listing(reports))
        return
    report = _chosen(options, reports)
    if options.html:
        options.html.write_text(page(report, reports))
    elif options.json:
        sys.stdout.write(report.model_dump_json(by_alias=True, indent=2) + "\n")
    else:
        for part in summary(report):
            Console().print(part)
    sys.exit(int(report.drifted))


def _reports(options: argparse.Namespace) -> Sequence[Report]:
    if options.file:
        return [_read(options.file)]
    return _kept(options).latest(HISTORY)


def _read(file: Path) -> Report:
    try:
        return Report.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        sys.stderr.write(f"{file} is no report that was finished ({type(error).__name__})\n")
        sys.exit(2)


def _chosen(options: argparse.Namespace, reports: Sequence[Report]) -> Report:
    report = _kept(options).find(options.at) if options.at else next(iter(reports), None)
    if report is None:
        sys.stderr.write("there is no such report\n")
        sys.exit(2)
    return report


def _kept(options: argparse.Namespace) -> Reports:
    return DynamoDBReports(dynamodb_client(), options.table)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("list", "show"))
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--table", help="the reports table")
    source.add_argument("--file", type=Path, help="a report as JSON")
    parser.add_argument("--at", type=datetime.fromisoformat, help="when the run began; the newest unless given")
    parser.add_argument("--html", type=Path, help="write a page instead")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)
