"""A digest tree: one digest for a whole side, and the way down to what differs."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from banyan.documents import Documents, Key

LEAF_ENTRIES: Final = 64
"""A node with more entries below it has children, one for each hexadecimal digit; with no more it is a leaf."""


@dataclass(frozen=True, slots=True)
class Child:
    """What an inner node knows of a node below it."""

    digest: str
    count: int


@dataclass(frozen=True, slots=True)
class Node:
    """A leaf with the checksums of its entities, or an inner node with the digests of its children."""

    entries: Mapping[str, str]
    children: Mapping[str, Child]

    @property
    def count(self) -> int:
        """Entities below this node."""
        return sum(child.count for child in self.children.values()) if self.children else len(self.entries)

    @property
    def digest(self) -> str:
        """sha256 over what stands below, whatever the order in which it came there."""
        return hashlib.sha256(_lines(self)).hexdigest()


class DigestTree:
    """The checksums of a side's entities, by the sha256 of their ids.

    The shape follows from the entries alone: equal sides have equal trees, and unequal ones differ only on
    the paths to what differs.

    Attributes
    ----------
    nodes_read : int
        Nodes fetched so far.
    """

    def __init__(self, documents: Documents, name: str) -> None:
        self.nodes_read = 0
        self._documents = documents
        self._name = name
        self._root: Node | None = None

    def root(self) -> Node:
        """The top of the tree, as it was read or written last: a run writes its trees alone."""
        if self._root is None:
            self._root = self.nodes([""])[""]
        return self._root

    def forget_root(self) -> None:
        """Let ``root`` read it: another process may have run since."""
        self._root = None

    def nodes(self, paths: Sequence[str]) -> dict[str, Node]:
        """Nodes by path; one that does not exist is an empty leaf."""
        self.nodes_read += len(paths)
        found = self._documents.get_many([self._key(path) for path in paths])
        return {path: _decode(found.get(self._key(path))) for path in paths}

    def update(self, checksums: Mapping[str, str | None]) -> None:
        """Set the checksums of entities, or remove them with ``None``. Doing it again changes nothing more."""
        changes = {path_of(id): (id, checksum) for id, checksum in checksums.items()}
        if changes:
            _Update(self, changes).apply()

    def entries(self, path: str, node: Node) -> dict[str, str]:
        """Every entity below a node, with its checksum."""
        if not node.children:
            return dict(node.entries)
        below = self.nodes([path + digit for digit in node.children])
        return {id: checksum for place, child in below.items() for id, checksum in self.entries(place, child).items()}

    def ids(self, after: str, limit: int) -> list[str]:
        """The first entities whose paths come after ``after``."""
        found: list[str] = []
        for id in self._walk("", self.root(), after):
            if len(found) == limit:
                break
            found.append(id)
        return found

    def write(self, nodes: Mapping[str, Node | None]) -> None:
        """Write nodes, the deepest first, so that no node speaks of one that is not there."""
        self._root = None
        levels: dict[int, dict[Key, str | None]] = defaultdict(dict)
        for path, node in nodes.items():
            levels[-1 if node is None else len(path)][self._key(path)] = None if node is None else _encode(node)
        for level in sorted(levels, reverse=True):
            self._documents.put_many(levels[level])

    def _walk(self, path: str, node: Node, after: str) -> Iterator[str]:
        if not node.children:
            yield from sorted((id for id in node.entries if path_of(id) > after), key=path_of)
            return
        below = self.nodes([path + digit for digit in sorted(node.children) if not _done(path + digit, after)])
        for place, child in below.items():
            yield from self._walk(place, child, after)

    def _key(self, path: str) -> Key:
        return Key(f"tree#{self._name}#{path[:1]}", path or "-")


def path_of(id: str) -> str:
    """Where an entity stands in a tree: 64 hexadecimal digits."""
    return hashlib.sha256(id.encode()).hexdigest()


def differing(one: DigestTree, other: DigestTree, after: str = "") -> Iterator[str]:
    """Entities whose checksums differ, in the order of their paths, beginning after one."""
    return _differing(one, other, "", one.root(), other.root(), after)


def _differing(one: DigestTree, other: DigestTree, path: str, a: Node, b: Node, after: str) -> Iterator[str]:
    if a.digest == b.digest:
        return
    if not (a.children and b.children):
        yield from _unlike(one.entries(path, a), other.entries(path, b), after)
        return
    digits = sorted(a.children.keys() | b.children.keys())
    unlike = [path + d for d in digits if a.children.get(d) != b.children.get(d) and not _done(path + d, after)]
    mine, theirs = one.nodes(unlike), other.nodes(unlike)
    for place in unlike:
        yield from _differing(one, other, place, mine[place], theirs[place], after)


def _unlike(one: Mapping[str, str], other: Mapping[str, str], after: str) -> list[str]:
    ids = (id for id in one.keys() | other.keys() if one.get(id) != other.get(id) and path_of(id) > after)
    return sorted(ids, key=path_of)


def _done(path: str, after: str) -> bool:
    """Whether all that stands below a path was passed already."""
    return path < after[: len(path)]


class _Update:
    """One update on its way down and up again."""

    def __init__(self, tree: DigestTree, changes: Mapping[str, tuple[str, str | None]]) -> None:
        self._tree = tree
        self._changes = changes
        self._loaded = self._load()
        self._written: dict[str, Node | None] = {}

    def apply(self) -> None:
        self._written[""] = self._changed("", list(self._changes))
        unlike = {path: node for path, node in self._written.items() if not node or node != self._loaded.get(path)}
        self._tree.write(unlike)

    def _load(self) -> dict[str, Node]:
        """Every node on the way to what changes, level by level."""
        loaded: dict[str, Node] = {}
        level = [""]
        while level:
            found = self._tree.nodes(level)
            loaded |= found
            depth = len(level[0]) + 1
            wanted = {path[:depth] for path in self._changes if path[: depth - 1] in found}
            level = sorted(place for place in wanted if place[-1] in found[place[:-1]].children)
        return loaded

    def _changed(self, path: str, changes: Sequence[str]) -> Node:
        node = self._loaded.get(path) or Node({}, {})
        if not node.children:
            return self._grown(path, self._with_changes(node.entries, changes))
        children = dict(node.children)
        for digit, own in _by_digit(changes, len(path)).items():
            child = self._changed(path + digit, own)
            self._written[path + digit] = child if child.count else None
            children[digit] = Child(child.digest, child.count)
        inner = Node({}, {digit: child for digit, child in children.items() if child.count})
        return inner if inner.count > LEAF_ENTRIES else self._merged(path, inner)

    def _with_changes(self, entries: Mapping[str, str], changes: Sequence[str]) -> dict[str, str]:
        wanted = dict(entries) | {id: checksum or "" for id, checksum in map(self._changes.__getitem__, changes)}
        return {id: checksum for id, checksum in wanted.items() if checksum}

    def _grown(self, path: str, entries: Mapping[str, str]) -> Node:
        if len(entries) <= LEAF_ENTRIES:
            return Node(entries, {})
        places = {path_of(id): id for id in entries}
        children = {}
        for digit, own in _by_digit(list(places), len(path)).items():
            child = self._grown(path + digit, {places[place]: entries[places[place]] for place in own})
            self._written[path + digit] = child
            children[digit] = Child(child.digest, child.count)
        return Node({}, children)

    def _merged(self, path: str, inner: Node) -> Node:
        """The leaf that an inner node becomes when little is left below it."""
        entries: dict[str, str] = {}
        for digit in inner.children:
            place = path + digit
            child = self._written[place] if place in self._written else self._tree.nodes([place])[place]
            entries |= self._tree.entries(place, child) if child else {}
            self._written[place] = None
        return Node(entries, {})


def _by_digit(paths: Sequence[str], depth: int) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        grouped[path[depth]].append(path)
    return grouped


def _lines(node: Node) -> bytes:
    below = {digit: child.digest for digit, child in node.children.items()} or node.entries
    return orjson.dumps(sorted(below.items()))


def _encode(node: Node) -> str:
    children = {digit: [child.digest, child.count] for digit, child in node.children.items()}
    content = {"children": children} if children else {"entries": dict(node.entries)}
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode()


def _decode(text: str | None) -> Node:
    content = orjson.loads(text) if text else {}
    children = {digit: Child(*child) for digit, child in content.get("children", {}).items()}
    return Node(content.get("entries", {}), children)
