"""Every documented snippet runs, every link leads somewhere, and the described domain works."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.docs.sandbox import Sandbox
from tests.docs.snippets import PAGES, ROOT, Snippet, section, snippets
from tests.support.clocks import wait_until

from orders.rejections import Code

ADD_YOUR_DOMAIN = ROOT / "docs" / "add-your-domain.md"
README = ROOT / "README.md"
LINK = re.compile(r"\[[^\]]*\]\(([^)#:]+)(?:#[^)]*)?\)")
MEMBER = 'curl -s http://127.0.0.1:3000/members/ann -H "Authorization: Bearer $(make -s token TENANT=city)"'
ORDER = 'curl -s http://127.0.0.1:3000/orders/o-1 -H "Authorization: Bearer $(make -s token TENANT=acme)"'

RUNNABLE = [
    pytest.param(snippet, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, snippet in enumerate(snippets(page))
    if (snippet.language, snippet.info) == ("python", "run")
]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A copy of the project to which the documented domain was added."""
    sandbox = Sandbox(tmp_path_factory.mktemp("docs"))
    for snippet in snippets(ADD_YOUR_DOMAIN):
        if snippet.file:
            sandbox.write(snippet.file, snippet.code)
    return sandbox


@pytest.mark.parametrize("snippet", RUNNABLE)
def test_a_runnable_snippet_runs(snippet: Snippet) -> None:
    exec(compile(snippet.code, "snippet", "exec"), {"__name__": "snippet"})


def test_there_are_runnable_snippets() -> None:
    assert RUNNABLE


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = [target for target in LINK.findall(page.read_text()) if not (page.parent / target).exists()]

    assert not broken


def test_every_code_of_an_order_is_documented() -> None:
    page = (ROOT / "docs" / "http.md").read_text()

    assert [code for code in Code if f"`{code.value}`" not in page] == []


def test_every_block_of_the_domain_page_is_used() -> None:
    """Nothing on the page is left to be believed."""
    blocks = snippets(ADD_YOUR_DOMAIN)
    unused = [block for block in blocks if block.language == "python" and not block.file and block.info != "run"] + [
        block for block in blocks if block.language not in ("python", "bash")
    ]

    assert not unused
    assert len([block for block in blocks if block.language == "bash"]) == 4


@pytest.mark.parametrize("check", ["ruff check", "ruff format --check", "mypy"])
def test_the_documented_files_pass_the_projects_checks(sandbox: Sandbox, check: str) -> None:
    files = [snippet.file for snippet in snippets(ADD_YOUR_DOMAIN) if snippet.file]

    sandbox.bash(f".venv/bin/python -m {check} {' '.join(files)}")


def test_the_documented_tests_pass(sandbox: Sandbox) -> None:
    tests, _, _, _ = bash_blocks()

    assert "5 passed" in sandbox.bash(tests)


def test_the_documented_contracts_hold(sandbox: Sandbox) -> None:
    _, contracts, _, _ = bash_blocks()

    said, config = sandbox.bash(contracts), (sandbox.root / ".importlinter").read_text()
    assert f"{config.count('[importlinter:contract:')} kept, 0 broken" in said
    assert "library.routes -> **" in config


@pytest.mark.stack
def test_the_documented_domain_answers(sandbox: Sandbox) -> None:
    _, _, serve, calls = bash_blocks()

    with sandbox.serving(serve):
        lent, book, returned, member = sandbox.answers(calls)
        wait_until(lambda: sandbox.answers(MEMBER)[0]["returned"], "the member's counts")
        (counted,) = sandbox.answers(MEMBER)

    assert lent == {"version": 1, "memberId": "ann"}
    assert (book["bookId"], book["memberId"], book["dueOn"], book["version"]) == ("b-1", "ann", "2026-01-09", 1)
    assert returned == {"version": 2, "memberId": None}
    assert member["memberId"] == "ann"
    assert (counted["borrowed"], counted["returned"], counted["daysLate"]) == (1, 1, 3)


@pytest.mark.stack
def test_the_readmes_first_order_is_paid(sandbox: Sandbox) -> None:
    text = section(README, "The first order in a minute")
    calls = "".join(block.code for block in snippets(README) if block.code in text)

    with sandbox.serving(".venv/bin/python -m banyan_tools.local --port 3000"):
        created, paid, _, before, events, *_ = sandbox.answers(calls)
        order = wait_until(lambda: at_version(sandbox, 2), "the read model")
        wait_until(lambda: all(imported(sandbox, calls)), "what was imported")

    assert (created["orderId"], created["version"], Decimal(created["totalAmount"])) == ("o-1", 1, Decimal(9))
    assert (paid["version"], paid["status"]) == (2, "paid")
    assert (order["status"], order["servedFrom"]) == ("paid", "projection")
    assert (before["version"], before["status"]) == (1, "created")
    assert [event["eventType"] for event in events["events"]] == ["OrderCreated", "OrderPaid"]


def at_version(sandbox: Sandbox, version: int) -> dict[str, Any]:
    """The README's order once its read model has come that far; empty before."""
    order: dict[str, Any] = sandbox.answers(ORDER)[0]
    return order if order["version"] == version else {}


def imported(sandbox: Sandbox, calls: str) -> tuple[list[Any], int]:
    """Days with sales and a customer's orders, as the README asks for them behind ``make import``."""
    token, queries = calls.splitlines()[0], calls.partition("make import\n")[2]
    sales, totals = sandbox.answers(f"{token}\n{queries}")
    return sales["days"], totals["orders"]


def bash_blocks() -> tuple[str, ...]:
    """The commands of the page: run the tests, check the contracts, serve, and call."""
    return tuple(block.code for block in snippets(ADD_YOUR_DOMAIN) if block.language == "bash")
