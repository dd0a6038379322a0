"""A function's answer to a batch."""

from __future__ import annotations

from typing import Any


def failed_items(answer: Any, identifiers: list[str]) -> set[str]:
    """Return the identifiers that a function says it did not handle, as Lambda reads its answer.

    Nothing, or an empty list, is success. An answer of another shape, an empty identifier or one that is not in
    the batch fails the whole batch.
    """
    items = answer.get("batchItemFailures") if isinstance(answer, dict) else answer
    if items is None:
        return set()
    everything = set(identifiers)
    if not isinstance(items, list):
        return everything
    failed: set[Any] = {item.get("itemIdentifier") if isinstance(item, dict) else None for item in items}
    return failed if failed <= everything else everything
