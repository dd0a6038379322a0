"""Commits as the records of a DynamoDB stream."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from banyan.store import Commit
from banyan.store.items import commit_item


def record(number: int, commit: Commit, name: str = "INSERT", position: str | None = None) -> dict[str, Any]:
    """A record as Lambda hands it over; ``position`` puts it where no commit stands."""
    item = image(commit_item(commit, 4))
    keys = {"stream": item["stream"], "position": {"N": position or item["position"]["N"]}}
    change = {"Keys": keys, "SequenceNumber": str(number)}
    return {"eventName": name, "dynamodb": change | ({} if name == "REMOVE" else {"NewImage": item})}


def image(item: dict[str, Any]) -> dict[str, Any]:
    """An item in JSON, where binary values are base64 text."""
    encoded = {n: {"B": b64encode(v["B"]).decode()} if "B" in v else v for n, v in item.items()}
    decoded: dict[str, Any] = json.loads(json.dumps(encoded))
    return decoded
