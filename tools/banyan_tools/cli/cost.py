"""`banyan cost --profile FILE`."""

from __future__ import annotations

import json as jsons
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table
from rich.text import Text

from banyan_tools.cli.errors import CliError
from banyan_tools.cli.output import say
from banyan_tools.cli.tables import titled
from banyan_tools.cost.limits import AT_ONCE
from banyan_tools.cost.profile import ProfileError, read_profile
from banyan_tools.cost.report import report
from banyan_tools.local.errors import StackError

Found = Mapping[str, Any]

FAR: Final = 0.001
"""Share of a limit below which it does not matter how far away it is."""


def cost(
    profile: Annotated[
        Path, typer.Option(help="A TOML file that says what load there is; docs/cost.md has its tables.")
    ],
    details: Annotated[bool, typer.Option("--details", help="Show every line of the bill.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Say what a load would cost on AWS in a month, and which limit it meets first. Asks no stack."""
    try:
        found = report(read_profile(profile))
    except (ProfileError, StackError) as error:
        raise CliError(str(error)) from None
    if json:
        print(jsons.dumps(found, indent=2))
        return
    lines = [_lines(found)] if details else []
    say(_units(found), *lines, _dollars(found), _limits(found), Text(_first(found)), Text(found["assumed"]))


def _units(found: Found) -> Table:
    table = titled(f"{found['title']}: units of a command", "component", "write", "read")
    for name, each in found["unitsPerCommand"].items():
        if each["write"] or each["read"]:
            table.add_row(name, f"{each['write']:.2f}", f"{each['read']:.2f}")
    table.add_row("all", f"{found['writeUnitsPerCommand']:.2f}", f"{found['readUnitsPerCommand']:.2f}")
    return table


def _lines(found: Found) -> Table:
    table = titled("The bill", "component", "what", "quantity", "$")
    for each in found["lines"]:
        table.add_row(each["component"], each["what"], f"{each['quantity']:,.2f}", f"{each['dollars']:,.2f}")
    return table


def _dollars(found: Found) -> Table:
    table = titled("Dollars a month", "component", "$")
    for name, dollars in found["dollarsPerMonth"].items():
        table.add_row(name, f"{dollars:,.2f}")
    table.add_row("all", f"{found['totalPerMonth']:,.2f}")
    for name, text in (("perMillionCommands", "a million commands"), ("perMillionReadings", "a million readings")):
        if found[name] is not None:
            table.add_row(text, f"{found[name]:,.2f}")
    return table


def _limits(found: Found) -> Table:
    table = titled("Limits, in the busiest seconds", "what", "asked", "limit", "unit", "used", "raised by")
    for each in found["limits"]:
        asked, limit, used = (
            f"{each['asked']:,.{0 if each['asked'] >= 10 else 1}f}",
            f"{each['limit']:,.0f}",
            f"{each['used']:.0%}",
        )
        table.add_row(each["what"], asked, limit, _unit(each), used, each["raisedBy"])
    return table


def _unit(limit: Found) -> str:
    return "concurrent executions" if limit["unit"] == AT_ONCE else f"{limit['unit']} per second"


def _first(found: Found) -> str:
    if not found["limits"]:
        return "No limit is near."
    first = found["limits"][0]
    return f"First limit: {first['what']}. The load {_fits(first['used'])}; to raise it: {first['raisedBy']}."


def _fits(used: float) -> str:
    if used > 1:
        return "does not fit"
    return f"fits {1 / used:.1f} times over" if used >= FAR else "fits more than 1,000 times over"
