"""Writes what the profiles of the examples come to into docs/cost.md: python -m banyan_tools.cost.page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from banyan_tools.cost.profile import read_profile
from banyan_tools.cost.report import report
from banyan_tools.project import ROOT

PAGE: Final = ROOT / "docs" / "cost.md"
BEGIN: Final = "<!-- computed: `make cost` writes what follows -->"
END: Final = "<!-- computed -->"
PARTS: Final = ("DynamoDB writes", "DynamoDB reads", "DynamoDB storage", "CloudWatch")
HEADER: Final = (
    "| profile | commands a second | write units each | read units each | $ a month | of that: writes | reads "
    "| storage | CloudWatch | the rest | first limit, and what raises it |\n" + "|---" * 11 + "|"
)


def profiles(root: Path = ROOT) -> Sequence[Path]:
    """Those that are shipped: each with its example."""
    return sorted((root / "layers" / "domains").glob("*/tools/cost.toml"))


def row(path: Path) -> str:
    """A profile in a line of the table."""
    profile = read_profile(path)
    found = report(profile)
    dollars, total = found["dollarsPerMonth"], found["totalPerMonth"]
    shown = [dollars.get(part, 0.0) for part in PARTS]
    figures = [total, *shown, total - sum(shown)]
    units = (found["writeUnitsPerCommand"], found["readUnitsPerCommand"])
    cells = [_named(found), f"{profile.commands.per_second:g}", *(f"{each:.1f}" for each in units)]
    return f"| {' | '.join([*cells, *(f'{each:,.0f}' for each in figures), _first(found)])} |"


def _named(found: Mapping[str, Any]) -> str:
    readings = found["perMillionReadings"]
    return str(found["title"]) + (f"; $ {readings:.2f} for a million readings" if readings else "")


def _first(found: Mapping[str, Any]) -> str:
    first = found["limits"][0]
    return f"{first['what']}, {first['used']:.0%} used at the peak: {first['raisedBy']}"


def main() -> None:
    """Compute, and write the table into the page."""
    table = "\n".join([HEADER, *map(row, profiles())])
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{rest.partition(END)[2]}")
    print(table)


if __name__ == "__main__":
    main()
