"""Checks who may import whom: the engine's contracts, and those of every domain there is.

python -m banyan_tools.contracts
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from configparser import ConfigParser
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from banyan_tools.project import ROOT

ENGINE: Final = ".importlinter"
DOMAINS: Final = Path("layers") / "domains"
PATTERN: Final = "contracts.ini"
PLACE: Final = "{domain}"
LINT: Final = "from importlinter.cli import lint_imports_command as lint; lint()"


def domains(folder: Path) -> Sequence[str]:
    """The packages in a folder such as ``layers/domains``."""
    return sorted(file.parent.name for file in folder.glob("*/__init__.py"))


def repeated(pattern: str, folder: Path) -> str:
    """The contracts of the domains in a folder: a line that names a module of one is there for each that has it.

    A contract that is about no module then is left out.
    """
    parser = ConfigParser()
    parser.read_string("\n".join(_lines(pattern, folder)))
    for section in parser.sections():
        parser.remove_option(section, "ignore_imports") if parser[section].get("ignore_imports") == "" else None
        if not all(parser[section].values()):
            parser.remove_section(section)
    text = StringIO()
    parser.write(text)
    return text.getvalue()


def _lines(pattern: str, folder: Path) -> Iterator[str]:
    for line in pattern.splitlines():
        filled = [line.replace(PLACE, domain) for domain in domains(folder)] if PLACE in line else [line]
        yield from (each for each in filled if PLACE not in line or _exists(folder, each.split()[0]))


def _exists(folder: Path, module: str) -> bool:
    path = folder / module.removesuffix(".**").replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").is_file()


def check(root: Path, *arguments: str) -> int:
    """Check all contracts, with options of ``lint-imports``; 0 when none is broken."""
    folder = root / DOMAINS
    with TemporaryDirectory() as made:
        configs = [root / ENGINE]
        if domains(folder):
            configs.append(Path(made) / ENGINE)
            configs[-1].write_text(repeated((folder / PATTERN).read_text(), folder))
        return max(_lint(root, each, arguments) for each in configs)


def _lint(root: Path, config: Path, arguments: Sequence[str]) -> int:
    command = [sys.executable, "-c", LINT, "--config", str(config), "--no-logo", *arguments]
    return subprocess.run(command, cwd=root, check=False).returncode


if __name__ == "__main__":
    sys.exit(check(ROOT, *sys.argv[1:]))
