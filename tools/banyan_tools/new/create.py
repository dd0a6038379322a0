"""Makes a project: this repository's own template and functions around a small domain."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path
from shlex import quote
from typing import Final

import banyan
from banyan_tools.new.starts import TASKS, cost_profile, examples, files, placed, readme, renamed

HERE: Final = Path(__file__).parent
PACKED: Final = HERE / "project"
"""What the distribution carries of the repository."""
SOURCE: Final = PACKED if PACKED.is_dir() else HERE.parents[2]

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,40}")
OWN_FOLDERS: Final = ("banyan", "banyan_tools", "events", "functions", "layers", "requirements", "tests", "tools")
"""What a project has besides its domain: a package of that name would hide it, or be hidden by it."""
COPIED: Final = (
    "functions",
    "layers/domains/Makefile",
    "layers/postgres/requirements.txt",
    "layers/tracing/requirements.txt",
    "observability.yaml",
    "requirements/sam.txt",
    "samconfig.toml",
    "template.yaml",
    "tools/dynamodb-local/package-lock.json",
    "tools/dynamodb-local/package.json",
)
CHOOSE: Final = "choose another name with --domain."
SCHEDULED: Final = ("deadlines", "migration_controller", "projector", "reactor", "reconciler")
DOMAIN_HERE: Final = "banyan_tools.new.domain"
PIN: Final = re.compile(r"^[a-z0-9-]+==[^ \\;]+(?: ; [^\\\n]+)?", re.MULTILINE)
OF_DOMAINS: Final = re.compile(r"  Domain:\n.*?(?=\nConditions:)", re.DOTALL)
"""The parameters of the template that are about the domains that it serves."""
OF_EXAMPLES: Final = re.compile(r"\n# The other example.*", re.DOTALL)
"""What follows in the configuration of deployments, to its end."""
KEPT_OF_DOMAINS: Final = 2
"""One names them, one gives settings of any of them: those that follow are settings of this repository's own."""


def next_commands(folder: Path) -> str:
    """What to type in a shell to set the project up and run it.

    A repository that this is run from is the nearest source of the engine: its wheels.
    """
    wheels = () if SOURCE == PACKED else (f"make -C {quote(str(SOURCE))} wheels",)
    export = () if SOURCE == PACKED else (f"export BANYAN_WHEELS={quote(str(SOURCE / 'dist'))}",)
    return "\n".join(f"  {line}" for line in (*wheels, f"cd {quote(str(folder))}", *export, "make test", "make run"))


class NotCreated(Exception):
    """Why there is no project, as a sentence that says what to do."""


def create(folder: Path, domain: str, start: str = TASKS) -> None:
    """Make a project in a folder that is new or empty.

    Parameters
    ----------
    start : str
        What it begins with: the beginner's domain, or an example of this repository.

    Raises
    ------
    NotCreated
        The folder holds something, the domain cannot be called so, or there is no such start.
    """
    _check_name(domain)
    if start not in known_starts():
        raise NotCreated(f"There is no {start!r} to begin with: choose one of {', '.join(known_starts())}.")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise NotCreated(f"{folder} is there and not an empty folder: choose another one.")
    for name in COPIED:
        _copy(SOURCE / name, folder / name)
    _write_template(folder / "template.yaml", domain)
    _write_deployments(folder / "samconfig.toml", domain)
    begun = HERE / "tasks.md" if start == TASKS else SOURCE / readme(start)
    _write_files(folder, domain, begun.read_text())
    if start == TASKS:
        _write_tasks(folder, domain)
    else:
        _write_example(folder, domain, start)
    _write_locks(folder)


def known_starts() -> Sequence[str]:
    """What a project can begin with."""
    return [TASKS, *examples(SOURCE)]


def _check_name(domain: str) -> None:
    if not NAME.fullmatch(domain):
        raise NotCreated(
            f"{domain!r} cannot be the name of a domain: it is a Python package, of at most 41 lower-case letters, "
            f"digits and '_', beginning with a letter. Name it yourself: --domain {_suggestion(domain)}"
        )
    if iskeyword(domain):
        raise NotCreated(f"{domain!r} is a keyword of Python, which no package can be called: {CHOOSE}")
    if domain in OWN_FOLDERS:
        raise NotCreated(f"{domain!r} is the name of a folder or package that every project has: {CHOOSE}")
    if _is_installed(domain):
        raise NotCreated(f"{domain!r} is the name of a package that is installed already: {CHOOSE}")


def _suggestion(name: str) -> str:
    """The last word of a name that can be a domain's."""
    words = (word for word in reversed(NAME.findall(name.lower().replace("_", "-"))) if not iskeyword(word))
    return next((word for word in words if word not in OWN_FOLDERS and not _is_installed(word)), "shop")


def _is_installed(domain: str) -> bool:
    spec = find_spec(domain)
    return domain in sys.stdlib_module_names or (spec is not None and "site-packages" in str(spec.origin))


def _write_template(file: Path, domain: str) -> None:
    """Let the template serve the domain, without the settings of another one."""
    text = file.read_text()
    (section,) = OF_DOMAINS.findall(text)
    for name in re.findall(r"^  (\w+):$", section, re.MULTILINE)[KEPT_OF_DOMAINS:]:
        text = re.sub(rf"(?m)^  {name}:\n(?:    .*\n)+|^ +BANYAN_\w+: !Ref {name}\n|, {name}\b", "", text)
    file.write_text(re.sub(r"(  Domain:\n    Type: String\n    Default: ).*", rf"\g<1>{domain}", text))


def _write_deployments(file: Path, domain: str) -> None:
    """Without the stacks of examples, under the name of the domain."""
    _replace(file, [('"banyan-', _filled('"{stack}-', domain))])
    file.write_text(OF_EXAMPLES.sub("", file.read_text()))


def _write_files(folder: Path, domain: str, start: str) -> None:
    """What only a project has: its Makefile, README, settings of tools, and sample events."""
    files = HERE / "files"
    for source in filter(Path.is_file, files.rglob("*")):
        name = str(source.relative_to(files))
        _copy(source, folder / (".gitignore" if name == "gitignore" else name))
    for name in ("README.md", "requirements.txt"):
        text = (folder / name).read_text()
        (folder / name).write_text(_filled(text.replace("{start}\n", start), domain))
    for function in SCHEDULED:
        _copy(SOURCE / "events" / function / "scheduled.json", folder / "events" / function / "scheduled.json")


def _write_example(folder: Path, domain: str, name: str) -> None:
    for path in files(SOURCE, name):
        target = folder / placed(path, name, domain)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(renamed((SOURCE / path).read_text(), name, domain))
    (folder / "cost.toml").write_text(renamed((SOURCE / cost_profile(name)).read_text(), name, domain))
    if any("hypothesis" in file.read_text() for file in (folder / "tests").rglob("*.py")):
        with (folder / "requirements.txt").open("a") as requirements:
            requirements.write("hypothesis\n")


def _write_tasks(folder: Path, domain: str) -> None:
    _copy(HERE / "events" / "command_api", folder / "events" / "command_api")
    _copy(HERE / "events" / "query_api", folder / "events" / "query_api")
    package, tests = folder / "layers" / "domains" / domain, folder / "tests"
    _copy(HERE / "domain", package)
    (folder / "cost.toml").write_text(_filled((HERE / "cost.toml").read_text(), domain))
    _copy(SOURCE / "tests" / "unit" / "new" / "test_tasks.py", tests / "test_tasks.py")
    for module in [*package.glob("*.py"), *tests.glob("*.py")]:
        _replace(module, [(DOMAIN_HERE, domain)])


def _write_locks(folder: Path) -> None:
    """The versions that this version of the engine was tested with, on this machine and as deployed."""
    own = f"banyan-events=={banyan.__version__}"
    (folder / "constraints.txt").write_text(_pins("requirements/dev.txt"))
    layer = folder / "layers" / "banyan" / "requirements.txt"
    layer.parent.mkdir()
    layer.write_text(f"{own}\n{_pins('layers/banyan/requirements.txt')}")


def _pins(lock: str) -> str:
    return "".join(f"{pin}\n" for pin in PIN.findall((SOURCE / lock).read_text()))


def _filled(text: str, domain: str) -> str:
    values = {"domain": domain, "stack": domain.replace("_", "-"), "version": banyan.__version__}
    return re.sub(r"\{(domain|stack|version)\}", lambda match: values[match[1]], text)


def _replace(file: Path, changes: Iterable[tuple[str, str]]) -> None:
    text = file.read_text()
    for old, new in changes:
        text = text.replace(old, new)
    file.write_text(text)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(source, target)
