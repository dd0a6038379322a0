"""What the command line of the local stack means."""

from __future__ import annotations

from pathlib import Path

import pytest

from banyan_tools.local.errors import StackError
from banyan_tools.local.options import parse


@pytest.mark.parametrize(
    ("arguments", "served", "folder"),
    [
        ("", {}, ".banyan"),
        ("--domain loans", {"Domain": "loans"}, ".banyan/domains/loans"),
        ("--domain orders --data d", {"Domain": "orders"}, "d"),
        ("--parameter Domain=loans --data d", {"Domain": "loans"}, "d"),
    ],
)
def test_another_domain_than_the_templates_is_served_with_data_of_its_own(
    arguments: str, served: dict[str, str], folder: str
) -> None:
    options = parse(arguments.split())
    assert (options.parameters, options.folder("orders")) == (served, Path(folder))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        *(
            (f"--port={port}", f"'{port}' is not a port: choose a number from 1 to 65535 with PORT=.")
            for port in ("99999", "65536", "0", "-1", "abc", "1e3", "²", "9" * 5000)
        ),
        ("--engine=nope", "There is no engine 'nope': choose moto or dynamodb-local with ENGINE=."),
        ("--parameter=MaxRetries", "'MaxRetries' is not NAME=VALUE, as parameters of the template are given."),
        ("orders", "Unrecognized arguments: orders."),
    ],
)
def test_what_cannot_be_served_so_is_refused_in_a_sentence(arguments: str, told: str) -> None:
    with pytest.raises(StackError) as refused:
        parse([arguments])
    assert str(refused.value) == told


def test_every_port_and_engine_that_there_is_can_be_chosen() -> None:
    for port in ("1", "3000", "65535"):
        assert parse(["--port", port]).port == int(port)
    for engine in ("moto", "dynamodb-local", "outside"):
        assert parse(["--engine", engine]).engine == engine
