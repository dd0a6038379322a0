"""Fixtures of the console's tests: a seeded stack on each engine, a browser, and a tab that is held to its manners."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.support.clocks import EVERYTHING

from banyan_tools.local.engine import ENGINES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
    from tests.console.support.legacy import Strangler
    from tests.console.support.page import Console
    from tests.console.support.stack import Stack

EXAMPLE = "orders"
DRIVER = "playwright"
REQUIRE = "BANYAN_REQUIRE_CHROMIUM"
WITHOUT_EXAMPLE = "the console is tested with the example orders, which was taken out"
ABSENT = "Playwright is not installed: requirements/browser.txt has no build for this platform"


LOOKED_AT, CHANGED = "console that is looked at", "console that is changed"
"""Groups of tests."""
USUAL = tuple(ENGINES) if EVERYTHING else ("moto",)
"""Tests are run on moto, and for everything on DynamoDB Local too."""


class LeftOut(pytest.Module):
    """Tests that cannot even be imported here."""

    def collect(self) -> Sequence[pytest.Item]:
        pytest.skip(missing() or "", allow_module_level=True)


def missing() -> str | None:
    """What these tests need and do not find here."""
    if find_spec(EXAMPLE) is None:
        return WITHOUT_EXAMPLE
    return None if find_spec(DRIVER) or os.environ.get(REQUIRE) == "1" else ABSENT


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Leave modules that drive a browser out where nothing can."""
    if missing() is None or "tests.console.support" not in module_path.read_text():
        return None
    return LeftOut.from_parent(parent, path=module_path)


def grouped(engine: str, group: str = LOOKED_AT) -> pytest.MarkDecorator:
    """One worker runs all tests of a group on an engine, so that there is one stack for them and one browser."""
    return pytest.mark.xdist_group(f"{group} on {engine}")


def marks(engine: str, group: str) -> list[pytest.MarkDecorator]:
    """What holds for tests on a stack."""
    exact = [pytest.mark.dynamodb_local] if engine != "moto" else []
    return [grouped(engine, group), pytest.mark.timeout(600), pytest.mark.stack, *exact]


def on(*engines: str, group: str = LOOKED_AT) -> list[object]:
    """Parameters for ``stack``, ``own_stack`` or ``strangler``."""
    return [pytest.param(engine, marks=marks(engine, group)) for engine in engines]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, started once."""
    from tests.console.support.browser import PROGRAMS, chromium, launched

    if not chromium():
        why = f"no Chromium is installed: none of {', '.join(PROGRAMS)} is on the path"
        pytest.fail(why) if os.environ.get(REQUIRE) == "1" else pytest.skip(why)
    with launched() as browser:
        yield browser


def place_for(request: pytest.FixtureRequest, factory: pytest.TempPathFactory) -> Path:
    """A data folder for a stack on the engine that is the parameter, or a skip where that one cannot run."""
    if request.param != "moto":
        request.getfixturevalue("dynamodb_local_endpoint")
    return factory.mktemp("console") / "data"


@pytest.fixture(scope="package", params=on(*USUAL))
def stack(
    request: pytest.FixtureRequest,
    browser: Browser,  # noqa: ARG001
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """A stack on which a bit of everything has happened (``support/states.py``), for tests that only look."""
    from tests.console.support.stack import running
    from tests.console.support.states import seed

    with running(place_for(request, tmp_path_factory), request.param) as stack:
        seed(stack)
        yield stack


@pytest.fixture(scope="package", params=on(*USUAL, group=CHANGED))
def own_stack(
    request: pytest.FixtureRequest,
    browser: Browser,  # noqa: ARG001
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """A stack on which nothing has happened but what tests did that change something; use names of your own."""
    from tests.console.support.stack import running

    with running(place_for(request, tmp_path_factory), request.param) as stack:
        yield stack


@pytest.fixture(scope="module", params=on(*USUAL, group=CHANGED))
def strangler(
    request: pytest.FixtureRequest,
    browser: Browser,  # noqa: ARG001
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Strangler]:
    """A stack with a legacy system, of the test module's own: what one test moves, the next one finds moved."""
    from tests.console.support.legacy import strangling

    with strangling(place_for(request, tmp_path_factory), request.param) as strangler:
        yield strangler


@contextmanager
def opened(browser: Browser) -> Iterator[Page]:
    """A new tab, with nothing kept from others."""
    with browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB", timezone_id="UTC") as context:
        yield context.new_page()


def tab(browser: Browser, stack: Stack) -> Iterator[Console]:
    """A tab at a console, held to its manners in the end."""
    from tests.console.support.page import Console

    with opened(browser) as page:
        console = Console(page, stack)
        yield console
        console.check()


@pytest.fixture
def console(browser: Browser, stack: Stack) -> Iterator[Console]:
    """A tab at the console of ``stack``."""
    yield from tab(browser, stack)


@pytest.fixture
def own_console(browser: Browser, own_stack: Stack) -> Iterator[Console]:
    """A tab at the console of ``own_stack``."""
    yield from tab(browser, own_stack)


@pytest.fixture
def strangler_console(browser: Browser, strangler: Strangler) -> Iterator[Console]:
    """A tab at the console of ``strangler``."""
    yield from tab(browser, strangler.stack)
