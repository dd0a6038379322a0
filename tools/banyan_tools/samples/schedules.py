"""EventBridge schedules, as Lambda hands them to a function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from banyan_tools.local.physical import ACCOUNT, REGION
from banyan_tools.samples.history import START


def schedules(function: str) -> Mapping[str, Any]:
    """Every sample event of a function with a schedule, by name.

    Parameters
    ----------
    function : str
        Logical id, for example ``Reconciler``.
    """
    return {
        "scheduled": {
            "version": "0",
            "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": ACCOUNT,
            "time": START.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": REGION,
            "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/banyan-{function}Schedule"],
            "detail": {},
        }
    }
