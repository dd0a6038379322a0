"""Names of stock streams."""

from __future__ import annotations

import re
from typing import Final

ENTITY: Final = "inventory"

_PREFIX: Final = "sku."
_ESCAPED = re.compile(r"[^A-Za-z0-9.-]")


def stock_id(sku: str) -> str:
    """Id of a SKU's stream: each SKU has one of its own, whatever printable ASCII it holds."""
    return _PREFIX + _ESCAPED.sub(lambda match: f"_{ord(match[0]):02X}", sku)
