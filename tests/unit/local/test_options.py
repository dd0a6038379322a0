"""What the command line of the local stack means."""

from __future__ import annotations

from pathlib import Path

import pytest

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
