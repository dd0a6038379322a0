"""What a profile comes to, as one document."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from banyan_tools.cost.bill import MILLION, MONTH, bill
from banyan_tools.cost.limits import limits
from banyan_tools.cost.prices import AS_OF, REGION
from banyan_tools.cost.profile import Profile
from banyan_tools.cost.stack import DeployedStack
from banyan_tools.cost.units import units
from banyan_tools.project import ROOT

ASSUMED: Final = (
    f"List prices of {REGION} as of {AS_OF}, to be checked before they are relied on, without free tiers and taxes; "
    "milliseconds are assumed. "
    "Units follow from the profile, and are counted on DynamoDB Local for those that are shipped; nothing was measured "
    "on AWS."
)


def report(profile: Profile, root: Path = ROOT) -> Mapping[str, Any]:
    """Units of a command, dollars of a month and limits, as JSON has them.

    Raises
    ------
    StackError
        The profile's parameters do not fit the template.
    """
    stack = DeployedStack(profile.parameters, root)
    consumed = units(profile, stack)
    lines = bill(profile, stack)
    by_component: defaultdict[str, float] = defaultdict(float)
    for line in lines:
        by_component[line.component] += line.dollars
    commands = profile.commands.per_second * MONTH
    total = sum(by_component.values())
    readings = profile.ingest.records_per_second * profile.ingest.readings_per_record * MONTH
    return {
        "title": profile.title,
        "domain": profile.domain,
        "assumed": ASSUMED,
        "unitsPerCommand": {
            name: {"write": round(each.write, 3), "read": round(each.read, 3)} for name, each in consumed.items()
        },
        "writeUnitsPerCommand": round(sum(each.write for each in consumed.values()), 3),
        "readUnitsPerCommand": round(sum(each.read for each in consumed.values()), 3),
        "dollarsPerMonth": {name: round(dollars, 2) for name, dollars in by_component.items()},
        "lines": [
            {"component": x.component, "what": x.what, "quantity": round(x.quantity, 3), "dollars": round(x.dollars, 2)}
            for x in lines
        ],
        "totalPerMonth": round(total, 2),
        "perMillionCommands": round(total / commands * MILLION, 2) if commands else None,
        "perMillionReadings": round(total / readings * MILLION, 4) if readings else None,
        "limits": [
            {
                "what": each.what,
                "limit": each.limit,
                "asked": round(each.asked, 3),
                "unit": each.unit,
                "used": round(each.used, 4),
                "raisedBy": each.raised_by,
            }
            for each in limits(profile, stack)
        ],
    }
