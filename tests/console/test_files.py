"""What the page is made of: small, from one host, and nothing in it that turns text into markup or code."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from urllib.parse import urljoin

from banyan.adapters.settings import Settings
from banyan.entrypoints.console.page import FOLDER, HEADERS, PATH, TYPES, ConsolePage
from banyan.entrypoints.console.sign_in import SignIn
from banyan.entrypoints.http.requests import Headers

MOST_BYTES = 250_000
FILES = sorted(file for file in FOLDER.rglob("*") if file.suffix in TYPES)
OWN = [file for file in FILES if "vendor" not in file.parts]
SCRIPTS = [file for file in OWN if file.suffix == ".js"]
UNSAFE = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function|srcdoc|javascript:"
    r"|\sstyle=[\"']|\son(?:blur|change|click|error|focus|input|key\w+|load|mouse\w+|submit)=[\"']"
)
ELSEWHERE = re.compile(r"\bhttps?://(?!www\.w3\.org/2000/svg)|@import|[\"'(]//")
IMPORT = re.compile(r"^(?:import|export)\b[^;]*?[\"'](\.[^\"']+)[\"'];|\bimport\([\"']([^\"']+)", re.MULTILINE)


def named(file: Path) -> str:
    return file.relative_to(FOLDER).as_posix()


def test_the_page_is_small() -> None:
    sizes = {named(file): len(gzip.compress(file.read_bytes(), mtime=0)) for file in FILES}
    assert sum(sizes.values()) <= MOST_BYTES, sizes


def test_the_page_has_one_address_from_which_its_files_are_found() -> None:
    page = ConsolePage(SignIn(Settings()))
    for other in (f"{PATH}/", f"{PATH}/index.html"):
        answer = page.answer(other, Headers({}))
        assert (answer["statusCode"], urljoin(f"https://host/stage{other}", answer["headers"]["Location"])) == (
            308,
            f"https://host/stage{PATH}",
        )


def test_every_file_is_served_under_the_strict_policy() -> None:
    page = ConsolePage(SignIn(Settings()))
    for file in FILES:
        path = PATH if named(file) == "index.html" else f"{PATH}/{named(file)}"
        headers = page.answer(path, Headers({}))["headers"]
        policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'", file
        assert {policy["script-src"], policy["style-src"], policy["connect-src"]} == {"'self'"}, file
        assert not re.search(r"unsafe|\*|https?:|blob:", " ".join(policy.values())), file
        assert HEADERS.items() <= headers.items(), file


def test_nothing_makes_markup_or_code_of_text() -> None:
    assert {named(file): found for file in OWN if (found := UNSAFE.findall(file.read_text()))} == {}


def test_nothing_names_another_host() -> None:
    assert {named(file): found for file in OWN if (found := ELSEWHERE.findall(file.read_text()))} == {}


def imported(script: Path) -> set[Path]:
    names = [name for both in IMPORT.findall(script.read_text()) for name in both if name]
    return {(script.parent / name).resolve() for name in names}


def test_what_modules_import_is_there_and_every_module_is_imported() -> None:
    needed = set().union(*map(imported, SCRIPTS))
    assert {file for file in needed if not file.is_file()} == set()
    assert {named(script) for script in SCRIPTS if script not in needed} == {"main.js"}


def test_all_that_the_page_names_is_there() -> None:
    page = (FOLDER / "index.html").read_text()
    links = re.findall(r'(?:href|src)="console/([^"]+)"', page)
    styles = {named(file) for file in FILES if file.suffix == ".css"}

    assert [link for link in links if not (FOLDER / link).is_file()] == []
    assert {link for link in links if link.endswith(".css")} == styles
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style", page) == []
