"""The console's page: files for everyone, each as small as the browser takes it, and nothing beside them."""

from __future__ import annotations

import base64
import gzip
import re
from pathlib import Path

import pytest
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from tests.support.http import Answer, lower_case

from banyan.adapters.settings import Settings
from banyan.entrypoints.console.page import FOLDER, INDEX, PATH, TYPES, ConsolePage
from banyan.entrypoints.console.sign_in import SignIn
from banyan.entrypoints.http.requests import Headers

FILES = [file.relative_to(FOLDER).as_posix() for file in FOLDER.rglob("*") if file.suffix in TYPES]
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@pytest.fixture(scope="module")
def page() -> ConsolePage:
    return ConsolePage(SignIn(Settings()))


def got(page: ConsolePage, path: str, **headers: str) -> Answer:
    """The answer to a request."""
    return page.answer(path, Headers(lower_case(headers)))


def content(answer: Answer) -> bytes:
    """What the browser gets to see."""
    assert answer["isBase64Encoded"] is True
    body = base64.b64decode(answer["body"], validate=True)
    return gzip.decompress(body) if answer["headers"].get("Content-Encoding") == "gzip" else body


@pytest.mark.parametrize("accepted", ["", "gzip", "br;q=1.0, gzip;q=0.8, *;q=0.1"])
@pytest.mark.parametrize("name", FILES)
def test_every_file_of_the_folder_is_served(page: ConsolePage, name: str, accepted: str) -> None:
    answer = got(page, PATH if name == INDEX else f"{PATH}/{name}", accept_encoding=accepted)
    assert answer["statusCode"] == 200
    assert content(answer) == (FOLDER / name).read_bytes() or name == "main.js"
    assert ("Content-Encoding" in answer["headers"]) is bool(accepted)
    assert answer["headers"]["Content-Type"] == TYPES[Path(name).suffix]


def test_the_page_itself_needs_no_name_and_shows_its_policy(page: ConsolePage) -> None:
    answer = got(page, PATH)
    assert content(answer) == (FOLDER / "index.html").read_bytes()
    assert answer["headers"]["Content-Security-Policy"] == POLICY
    expected = {
        "Cache-Control": "no-cache",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Referrer-Policy": "no-referrer",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    assert expected.items() <= answer["headers"].items()


@pytest.mark.parametrize("accepted", ["gzip;q=0", "GZIP;Q=0.0, br", "br", "gzipped", "x-gzip-not", "gzip;q=1..2"])
def test_nothing_is_compressed_for_who_does_not_take_it(page: ConsolePage, accepted: str) -> None:
    assert "Content-Encoding" not in got(page, PATH, accept_encoding=accepted)["headers"]


def test_a_file_is_compressed_to_the_same_bytes_by_every_process(tmp_path: Path) -> None:
    bodies = set()
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.js").write_text("export const one = 1;\n" * 100)
        bodies.add(
            got(ConsolePage(SignIn(Settings()), tmp_path / name), f"{PATH}/one.js", accept_encoding="gzip")["body"]
        )
    assert len(bodies) == 1


def test_a_slash_too_many_is_corrected(page: ConsolePage) -> None:
    """The page names its files from where it is."""
    answer = got(page, f"{PATH}/")
    assert (answer["statusCode"], answer["headers"]["Location"]) == (308, "../console")


def test_the_first_module_brings_all_others_but_those_of_vendors(page: ConsolePage) -> None:
    text = content(got(page, f"{PATH}/main.js")).decode()
    modules = {file for file in FILES if file.endswith(".js") and not file.startswith("vendor/")}
    assert {each for each in modules if f"}})(); // {each}\n" in text} == modules - {"main.js"}
    outside = re.findall(r"^(?:import|export)\b.*$", text, re.MULTILINE)
    assert {re.fullmatch(r'import \* as \$module\d+ from "\./(vendor/\w+\.js)";', line)[1] for line in outside} == {  # type: ignore[index]
        file for file in FILES if file.endswith(".js") and file.startswith("vendor/")
    }


def test_a_module_that_cannot_be_joined_is_served_with_all_others_by_itself(tmp_path: Path) -> None:
    (tmp_path / "main.js").write_text('import * as one from "./one.js";\n')
    page = ConsolePage(SignIn(Settings()), tmp_path)
    assert content(got(page, f"{PATH}/main.js")) == b'import * as one from "./one.js";\n'


def test_a_file_that_the_browser_has_is_not_sent_again(page: ConsolePage) -> None:
    first = got(page, PATH)
    tag = first["headers"]["ETag"]
    for sent in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        answer = got(page, PATH, if_none_match=sent, accept_encoding="gzip")
        assert (answer["statusCode"], answer["body"]) == (304, "")
        assert answer["headers"]["Content-Security-Policy"] == POLICY
    assert got(page, PATH, if_none_match='"other"')["statusCode"] == 200


def test_a_file_is_read_again_once_it_was_changed(tmp_path: Path) -> None:
    file, page = tmp_path / "index.html", ConsolePage(SignIn(Settings()), tmp_path)
    tags = set()
    for text in ("one", "another"):
        file.write_text(text)
        answer = got(page, PATH)
        tags.add(answer["headers"]["ETag"])
        assert content(answer) == text.encode()
    assert len(tags) == 2


@pytest.mark.parametrize(
    "path",
    [
        "/console/nothing.js",
        "/console/lib",
        "/console/page.py",
        "/console/../page.py",
        "/console/../../../__init__.py",
        "/console/lib/../../page.py",
        "/console/%2e%2e/page.py",
        "/console/..%2fpage.py",
        "/console/..\\page.py",
        "/console//etc/hosts.txt",
        "/console/./index.html",
        "/console/index.html/",
        "/console/index.html\n",
        "/console/index.html\0.js",
        "/console/.hidden.js",
        pytest.param(f"/console/{'a' * 300}.js", id="long name"),
        pytest.param(f"/console/{'a/' * 3000}a.js", id="long path"),
    ],
)
def test_nothing_else_is_served(page: ConsolePage, path: str) -> None:
    with pytest.raises(NotFoundError):
        got(page, path)


def test_a_file_outside_the_folder_is_not_served_though_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "secret.js").write_text("secret")
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / ".git.js").write_text("secret")
    page = ConsolePage(SignIn(Settings()), tmp_path / "page")
    for name in ("../secret.js", "a/../../secret.js", str(tmp_path / "secret.js"), ".git.js"):
        with pytest.raises(NotFoundError):
            got(page, f"{PATH}/{name}")
