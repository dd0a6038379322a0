"""What a stack kept is put back by the next one, unless it does not fit: that is named, and left alone."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from tests.support.engines import DynamoDBEngine

from banyan_tools.local.console import Console
from banyan_tools.local.errors import StackError
from banyan_tools.local.keeping import kept_tables


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"EVENTS": 5}',
        '{"EVENTS": {"stream": "acme:task:t-1"}}',
        '{"EVENTS": [{"stream": "acme:task:t-1"}]}',
        '{"EVENTS": [{"stream": {"S": "acme:task:t-1"}}]}',
    ],
)
def test_a_file_that_does_not_fit_is_named_and_left_alone(moto: DynamoDBEngine, tmp_path: Path, content: str) -> None:
    content = content.replace("EVENTS", moto.events)
    file = tmp_path / "tables.json"
    file.write_text(content)

    with (
        pytest.raises(StackError, match="does not fit the tables"),
        kept_tables(tmp_path, [moto.events], Console(StringIO())),
    ):
        pass
    assert file.read_text() == content
    assert "Items" in moto.client.scan(TableName=moto.events)
