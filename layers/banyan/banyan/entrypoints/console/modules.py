"""Many modules as one file: a page that is opened asks for a few files instead of a hundred, each a call of a function.

It knows the forms that the console's modules are written in, and no others: imports of a line each, and exports in
front of what they name.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from typing import Final

VENDOR: Final = "vendor/"
"""Modules of others, which are written in all forms: the browser imports them itself."""
_IMPORT = re.compile(r'^import (?:(\w+)|\{([^}\n]*)\}) from "(\.[^"\n]+)";(?:[ \t]*//.*)?$', re.MULTILINE)
_EXPORT = re.compile(r"^export (default )?((?:async )?function|class|const) (\w+)", re.MULTILINE)
_LIST = re.compile(r"^export \{([^}\n]*)\};$", re.MULTILINE)
_LEFT = re.compile(r"^[ \t]*(?:import|export)\b.*$|\bimport(?:\(|\.meta).*$", re.MULTILINE)
_WAITS = re.compile(r"^(?:(?:const|let) .*= |for )?await\b.*$", re.MULTILINE)
"""What only a module may do, and no function that stands for one."""


class CannotBeJoined(Exception):
    """A module has a form that is not known here."""


def joined(entry: str, read: Callable[[str], str]) -> str:
    """A module with all that it imports, in the order in which a browser would run them.

    Parameters
    ----------
    read : Callable[[str], str]
        The text of a module, by its path from where ``entry`` lies.

    Raises
    ------
    CannotBeJoined
        A module has an unknown form, or modules import each other.
    """
    return _Joining(read).text(entry)


class _Joining:
    def __init__(self, read: Callable[[str], str]) -> None:
        self._read = read
        self._names: dict[str, str] = {}
        self._exports: dict[str, Mapping[str, str]] = {}
        self._parts: list[str] = []
        self._open: set[str] = set()

    def text(self, entry: str) -> str:
        own, _ = self._translated(entry)
        vendors = (f'import * as {self._names[each]} from "./{each}";' for each in self._names if _is_foreign(each))
        return "\n".join([*vendors, *self._parts, own])

    def _name(self, module: str) -> str:
        """What a module's exports are called; the module itself is put before whoever imports it."""
        if module in self._open:
            raise CannotBeJoined(f"{module} imports itself, by way of others")
        if module not in self._names:
            if not _is_foreign(module):
                own, exports = self._translated(module)
                if waits := _WAITS.search(own):
                    raise CannotBeJoined(f"{module}: {waits[0]}")
                self._exports[module] = exports
                members = ", ".join(f"{outside}: {inside}" for outside, inside in exports.items())
                wrapped = f"(() => {{\n{own}\nreturn {{ {members} }};\n}})()"
                self._parts.append(f"const $module{len(self._names)} = {wrapped}; // {module}")
            self._names[module] = f"$module{len(self._names)}"
        return self._names[module]

    def _translated(self, module: str) -> tuple[str, Mapping[str, str]]:
        self._open.add(module)
        text, folder = self._read(module), posixpath.dirname(module)
        exports = {(default and "default") or name: name for default, _, name in _EXPORT.findall(text)}
        exports |= {outside: inside for names in _LIST.findall(text) for inside, outside in _pairs(names)}
        text = _EXPORT.sub(r"\2 \3", _LIST.sub("", text))
        text = _IMPORT.sub(lambda found: self._taken(folder, *found.groups()), text)
        self._open.remove(module)
        if unknown := _LEFT.search(text):
            raise CannotBeJoined(f"{module}: {unknown[0]}")
        return text, exports

    def _taken(self, folder: str, default: str | None, names: str | None, place: str) -> str:
        module = posixpath.normpath(posixpath.join(folder, place))
        name, pairs = self._name(module), [("default", default)] if default else _pairs(names or "")
        if missing := [theirs for theirs, _ in pairs if theirs not in self._exports.get(module, [theirs])]:
            raise CannotBeJoined(f"{module} does not export {missing[0]}")
        return f"const {{ {', '.join(f'{theirs}: {ours}' for theirs, ours in pairs)} }} = {name};"


def _is_foreign(module: str) -> bool:
    return module.startswith(VENDOR)


def _pairs(names: str) -> list[tuple[str, str]]:
    """The name before ``as`` and that after it, which is the same one where there is no ``as``."""
    parts = [each.split(" as ") for each in names.split(",") if each.strip()]
    return [(part[0].strip(), part[-1].strip()) for part in parts]
