"""Tables that outlive a stack whose engine keeps nothing: written to a file at its end, and read at its start."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from banyan_tools.local.claims import claimed
from banyan_tools.local.console import Console
from banyan_tools.local.errors import StackError

FILE: Final = "tables.json"
BATCH: Final = 25
BINARY: Final = "base64"


@contextmanager
def kept_tables(folder: Path, names: Sequence[str], console: Console) -> Iterator[None]:
    """Put what the last stack kept into the tables, and keep what they hold when the block is left.

    Their streams deliver every item again at the start, as what the last stack had not handled yet is not known.

    Parameters
    ----------
    names : Sequence[str]
        Of tables that are there.

    Raises
    ------
    StackError
        Another stack keeps its tables in the folder, or what is kept there does not fit the tables.
    """
    with claimed(folder):
        file = folder / FILE
        back = f"{_load(file, names)} items are back from there" if file.exists() else "nothing is kept there yet"
        console.say(f"The tables are kept in {folder}: {back}.")
        try:
            yield
        finally:
            _save(file, names)


def _load(file: Path, names: Sequence[str]) -> int:
    client, count = boto3.client("dynamodb"), 0
    try:
        kept: dict[str, list[Any]] = json.loads(file.read_text(), object_hook=_with_binary)
        for name in kept.keys() & set(names):
            puts = [{"PutRequest": {"Item": item}} for item in kept[name]]
            for start in range(0, len(puts), BATCH):
                client.batch_write_item(RequestItems={name: puts[start : start + BATCH]})  # type: ignore[dict-item]
            count += len(puts)
    except (OSError, ValueError, AttributeError, TypeError, BotoCoreError, ClientError) as error:
        reason = " ".join(str(error).split())
        raise StackError(f"{file} does not fit the tables: {reason}. Remove it and start again.") from None
    return count


def _save(file: Path, names: Sequence[str]) -> None:
    """Write a draft first: a process that is killed meanwhile leaves what was kept before."""
    pages = boto3.client("dynamodb").get_paginator("scan")
    tables = {name: [item for page in pages.paginate(TableName=name) for item in page["Items"]] for name in names}
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(tables, default=_without_binary))
    draft.replace(file)


def _without_binary(value: object) -> dict[str, str]:
    if not isinstance(value, bytes):
        raise TypeError(f"no item holds a {type(value).__name__}")
    return {BINARY: base64.b64encode(value).decode()}


def _with_binary(value: dict[str, Any]) -> Any:
    """What was written for bytes; an attribute of that name holds its type, and no text."""
    text = value.get(BINARY)
    return base64.b64decode(text) if isinstance(text, str) else value
