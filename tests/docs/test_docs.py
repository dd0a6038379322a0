"""Every documented snippet runs, every link leads somewhere, and the described domain works."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.docs.sandbox import Sandbox
from tests.docs.snippets import PAGES, ROOT, Snippet, snippets
from tests.support.clocks import wait_until

from banyan_tools.contracts import domains
from banyan_tools.local import problems
from banyan_tools.local.template import read

ADD_YOUR_DOMAIN = ROOT / "docs" / "add-your-domain.md"
CHANGELOG = ROOT / "CHANGELOG.md"
LINK = re.compile(r"\[[^\]]*\]\(([^)#:]+)(?:#[^)]*)?\)")
IMPORT = re.compile(r"^(?:from|import) (\w+)", re.MULTILINE)
MEMBER = 'curl -s http://127.0.0.1:3000/members/ann -H "Authorization: Bearer $(make -s token TENANT=city)"'

EXAMPLES = {
    read(ROOT / "template.yaml")["Parameters"]["Domain"]["Default"],
    *(file.stem.removeprefix("openapi-") for file in (ROOT / "docs").glob("openapi-*.json")),
}
"""Domains that the documentation is about, also when one was taken out."""

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
    missing = [name for name in IMPORT.findall(snippet.code) if find_spec(name) is None]
    if missing and EXAMPLES.issuperset(missing):
        pytest.skip(f"the snippet is about {missing[0]}, which was taken out")
    exec(compile(snippet.code, "snippet", "exec"), {"__name__": "snippet"})


def test_there_are_runnable_snippets() -> None:
    assert RUNNABLE


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = [target for target in LINK.findall(page.read_text()) if not (page.parent / target).exists()]

    assert not broken


@pytest.mark.parametrize("page", sorted({*PAGES} - {CHANGELOG}), ids=lambda page: str(page.relative_to(ROOT)))
def test_no_command_needs_a_search_path_that_it_does_not_set(page: Path) -> None:
    """A reader's shell knows nothing of this repository's packages; make does, and pytest by its settings."""
    needy = re.findall(r"^.*-m (?:banyan_tools|bench(?!\.staleness))\b.*$", page.read_text(), re.MULTILINE)

    assert [line for line in needy if "PYTHONPATH=" not in line] == []


def test_every_block_of_the_domain_page_is_used() -> None:
    """Nothing on the page is left to be believed."""
    blocks = snippets(ADD_YOUR_DOMAIN)
    unused = [block for block in blocks if block.language == "python" and not block.file and block.info != "run"] + [
        block for block in blocks if block.language not in ("python", "bash")
    ]

    assert not unused
    assert len([block for block in blocks if block.language == "bash"]) == 4


@pytest.mark.parametrize("check", ["ruff check", "ruff format --check", pytest.param("mypy", marks=pytest.mark.slow)])
def test_the_documented_files_pass_the_projects_checks(sandbox: Sandbox, check: str) -> None:
    files = [snippet.file for snippet in snippets(ADD_YOUR_DOMAIN) if snippet.file]

    sandbox.bash(f".venv/bin/python -m {check} {' '.join(files)}")


def test_the_documented_tests_pass(sandbox: Sandbox) -> None:
    tests, _, _, _ = bash_blocks()

    assert "5 passed" in sandbox.bash(tests)


def test_the_documented_contracts_hold(sandbox: Sandbox) -> None:
    _, contracts, _, _ = bash_blocks()

    assert sandbox.bash(contracts).count(" kept, 0 broken") == 2
    assert "library" in domains(sandbox.root / "layers" / "domains")


@pytest.mark.slow
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


def bash_blocks() -> tuple[str, ...]:
    """The commands of the page: run the tests, check the contracts, serve, and call."""
    return tuple(block.code for block in snippets(ADD_YOUR_DOMAIN) if block.language == "bash")


@pytest.mark.parametrize(
    "problem",
    [
        problems.unauthorized(""),
        problems.forbidden(""),
        problems.not_found(),
        problems.payload_too_large(),
        problems.not_this_host(),
        problems.function_failed(),
        problems.function_timed_out(),
    ],
    ids=lambda problem: problem.code,
)
def test_the_page_of_the_api_has_what_the_local_gateway_answers(problem: problems.Problem) -> None:
    row = re.compile(rf"^\| {problem.status.value} \| .*`{problem.code}`", re.MULTILINE)
    assert row.search((ROOT / "docs" / "http.md").read_text())
