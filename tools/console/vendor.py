"""Copies the libraries of the console's page from npm's packages, as modules that a browser loads as they are."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
PACKAGES = HERE / "node_modules"
VENDOR = HERE.parents[1] / "layers/banyan/banyan/entrypoints/console/page/vendor"

BARE_IMPORT = re.compile(r'\bfrom"(?P<package>[a-z]+)"')
SOURCE_MAP = re.compile(r"\n?//# sourceMappingURL=\S+")
WHITESPACE_AT_THE_END = re.compile(r"\s+$")


def module(code: str) -> str:
    """A module whose imports are relative, without a map that is not shipped."""
    return BARE_IMPORT.sub(r'from"./\g<package>.js"', SOURCE_MAP.sub("", code))


def from_global(code: str) -> str:
    """Make a module of a build for a script tag, the only minified one that uPlot has."""
    return module(code) + "\nexport default uPlot;"


def as_it_is(text: str) -> str:
    """Licences and styles need no change."""
    return text


FILES: dict[str, tuple[str, Callable[[str], str]]] = {
    "htm.js": ("htm/dist/htm.mjs", module),
    "htm-license.txt": ("htm/LICENSE", as_it_is),
    "hooks.js": ("preact/hooks/dist/hooks.mjs", module),
    "preact.js": ("preact/dist/preact.mjs", module),
    "preact-license.txt": ("preact/LICENSE", as_it_is),
    "uplot.css": ("uplot/dist/uPlot.min.css", as_it_is),
    "uplot.js": ("uplot/dist/uPlot.iife.min.js", from_global),
    "uplot-license.txt": ("uplot/LICENSE", as_it_is),
}


def readme() -> Iterator[str]:
    """Lines that say which version each file is of."""
    yield "# Libraries of the console\n"
    yield "Written by `make console-vendor` from the packages that `tools/console/package-lock.json` pins.\n"
    yield "| package | version | licence | files |\n|---|---|---|---|"
    for package in sorted({source.split("/")[0] for source, _ in FILES.values()}):
        about = json.loads((PACKAGES / package / "package.json").read_text())
        names = [f"`{name}`" for name, (source, _) in sorted(FILES.items()) if source.startswith(f"{package}/")]
        yield f"| {package} | {about['version']} | {about['license']} | {', '.join(names)} |"


def vendor(folder: Path) -> None:
    """Write all files, and remove those that are not among them."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {"README.md": "\n".join(readme())}
    written |= {name: change((PACKAGES / source).read_text()) for name, (source, change) in FILES.items()}
    for name, text in written.items():
        (folder / name).write_text(WHITESPACE_AT_THE_END.sub("", text) + "\n")
    for file in folder.iterdir():
        if file.name not in written:
            file.unlink()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=VENDOR)
    vendor(parser.parse_args().to)
