"""Sample events as they are compared."""

from __future__ import annotations

import base64
import gzip
import zlib
from typing import Any


def unpacked(event: Any) -> Any:
    """An event with its compressed values unpacked and their sizes left out: compression differs between machines."""
    if isinstance(event, list):
        return [unpacked(value) for value in event]
    if not isinstance(event, dict):
        return event
    if event.keys() == {"B"}:
        return zlib.decompress(base64.b64decode(event["B"])).decode()
    if (event.get("headers") or {}).get("content-encoding") == "gzip":
        event = event | {"body": gzip.decompress(base64.b64decode(event["body"])).decode()}
        event["headers"] = {name: value for name, value in event["headers"].items() if name != "content-length"}
    return {name: unpacked(value) for name, value in event.items() if name != "SizeBytes"}
