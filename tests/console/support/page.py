"""The console as a person meets it, and what must never happen while they look."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from playwright.sync_api import ConsoleMessage, Locator, Page, Request, Response, expect
from tests.console.support.browser import PATIENCE_MS
from tests.console.support.stack import Stack

GIVEN_UP: Final = "net::ERR_ABORTED"
"""The page itself gives up what it no longer needs."""
OF_A_REQUEST: Final = re.compile(r"Failed to load resource: (the server responded with a status of \d+|net::ERR_)")
"""What ``requests`` shows as well."""
SILENT: Final = frozenset({"log", "info", "debug", "startGroup", "endGroup"})


class Tab:
    """A tab of the browser, at a console.

    At the end of a test ``check`` holds it to: no error or warning in the browser's log, no exception, no failed
    request but those that the test expected, and no request to another host.

    Attributes
    ----------
    page : Page
        What Playwright drives.
    url : str
        Of the console, without a fragment.
    requests : list[Request]
        All that the page asked for.
    patience_ms : float
        How long a screen may take to have its data.
    """

    def __init__(self, page: Page, stack: str, token: Callable[[], str]) -> None:
        self.page, self.url = page, f"{stack}/console"
        self._token = token
        self.patience_ms = PATIENCE_MS
        self.requests: list[Request] = []
        self._wrong: list[str] = []
        self._expected: set[tuple[int, str]] = set()
        self._failures: list[tuple[int, str]] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", lambda request: self.requests.append(request))
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)
        page.on("console", self._logged)
        page.on("pageerror", lambda error: self._wrong.append(f"exception: {error}"))

    @property
    def main(self) -> Locator:
        """What a screen shows."""
        return self.page.get_by_role("main")

    def sign_in(self, token: str | None = None) -> None:
        """Follow a link that signs in; as an operator who may see contents unless a token is given."""
        self.page.goto(f"{self.url}#token={token or self._token()}")
        expect(self.page.get_by_role("navigation", name="Screens")).to_be_visible()

    def open(self, *path: str, **query: object) -> Locator:
        """Go to a place, signed in: ``open("streams", "acme:order:o-1", version=3)``; what the screen shows, loaded."""
        if not self.page.url.startswith(self.url):
            self.sign_in()
        self.page.goto(self.url + place(*path, **query))
        self.loaded()
        return self.main

    def loaded(self) -> None:
        """Wait until the screen has its title and no longer only says that it loads."""
        expect(self.main.get_by_role("heading", level=1)).to_be_visible()
        expect(self.main.locator(".waiting")).to_have_count(0, timeout=self.patience_ms)

    def expect_failure(self, status: int, path: str) -> None:
        """Say that a request fails in this test; ``path`` is the beginning of its path, as ``/admin/streams``."""
        self._expected.add((status, path))

    def dialog(self) -> Locator:
        """The dialog that is open."""
        return self.page.get_by_role("dialog")

    def confirm(self, button: str, **fields: str) -> None:
        """Fill in the fields of the dialog by their labels, and press its button."""
        for label, value in fields.items():
            self.dialog().get_by_label(label).fill(value)
        self.dialog().get_by_role("button", name=button, exact=True).click()
        expect(self.dialog()).to_have_count(0)

    def theme(self, scheme: str) -> None:
        """Let the system ask for ``light`` or ``dark``."""
        self.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")

    def width(self, pixels: int, height: int = 900) -> None:
        """Make the window so wide."""
        self.page.set_viewport_size({"width": pixels, "height": height})

    def scrolls_sideways(self) -> bool:
        """Whether the page as a whole is wider than the window."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))

    def stored(self) -> Mapping[str, str]:
        """What the browser keeps beyond this tab."""
        kept: Mapping[str, str] = self.page.evaluate("({...localStorage})")
        return kept

    def check(self) -> None:
        """Hold the tab to what must never happen."""
        here = urlsplit(self.url).netloc
        elsewhere = sorted({request.url for request in self.requests if not _is_of(request.url, here)})
        failed = [failure for failure in self._failures if not self._is_expected(*failure)]
        wrong = {"logged or raised": self._wrong, "failed requests": failed, "asked of other hosts": elsewhere}
        assert not any(wrong.values()), wrong

    def _is_expected(self, status: int, path: str) -> bool:
        return any(status == expected and path.startswith(start) for expected, start in self._expected)

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self._failures.append((response.status, urlsplit(response.url).path))

    def _failed(self, request: Request) -> None:
        if request.failure != GIVEN_UP:
            self._failures.append((0, urlsplit(request.url).path))

    def _logged(self, message: ConsoleMessage) -> None:
        if message.type not in SILENT and not OF_A_REQUEST.match(message.text):
            self._wrong.append(f"{message.type}: {message.text} ({message.location.get('url')})")


class Console(Tab):
    """A tab at the console of a stack that a test has at hand.

    Attributes
    ----------
    stack : Stack
        What it looks at.
    """

    def __init__(self, page: Page, stack: Stack) -> None:
        super().__init__(page, stack.url, stack.token)
        self.stack = stack


def place(*path: str, **query: object) -> str:
    """A place of the console, as its address has it."""
    given = {name: str(value) for name, value in query.items() if value not in (None, "")}
    return "#/" + "/".join(quote(each, safe="") for each in path) + (f"?{urlencode(given)}" if given else "")


def _is_of(url: str, host: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("data", "blob") or parts.netloc == host
