"""Small bugs that a source file could have, found in its syntax tree."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add}
FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list", "reversed": "list"}
CONDITIONS = (
    (r"\bAND\b", "OR"),
    (r"\bOR\b", "AND"),
    (r"attribute_not_exists", "attribute_exists"),
    (r"attribute_exists", "attribute_not_exists"),
    (r"<=", "<"),
    (r"<(?![=>])", "<="),
    (r">=", ">"),
    (r"(?<!<)>(?!=)", ">="),
)
IS_CONDITION = re.compile(r"\bAND\b|\bOR\b|attribute_(not_)?exists|[:#]\w+ ?[<>=]|[<>=] ?:\w+|%s")
NOT_CODE = {"annotation", "returns", "decorator_list", "type_comment", "bases"}


@dataclass(frozen=True, slots=True)
class Mutation:
    """One bug: what stands between two offsets of a source, and what shall stand there instead."""

    line: int
    start: int
    end: int
    old: str
    new: str

    def of(self, source: str) -> str:
        """The source with the bug in it."""
        return source[: self.start] + self.new + source[self.end :]


def shown(text: str) -> str:
    """Code on one line, as the operators write it."""
    try:
        return " ".join(ast.unparse(ast.parse(text.strip())).split())
    except SyntaxError:
        return " ".join(text.split())


def mutations(source: str) -> Iterator[Mutation]:
    """Every bug that the operators know for a source, in order of the source; a few may not compile."""
    lines = source.split("\n")
    begins = [0]
    for line in lines:
        begins.append(begins[-1] + len(line) + 1)

    def offset(line: int, column: int) -> int:
        return begins[line - 1] + len(lines[line - 1].encode()[:column].decode())

    for node in _code(ast.parse(source)):
        start, end = offset(node.lineno, node.col_offset), offset(node.end_lineno, node.end_col_offset)
        old = source[start:end]
        for changed in _changes(node):
            new = changed.replace("\0", old) if isinstance(changed, str) else f"({ast.unparse(changed)})"
            yield Mutation(node.lineno, start, end, old, new)


def _code(node: ast.AST) -> Iterator[Any]:
    """Statements and expressions that run, f-strings as a whole; no docstrings, annotations and logs."""
    for field, value in ast.iter_fields(node):
        if field in NOT_CODE:
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or _says_nothing(child):
                continue
            if isinstance(child, ast.expr | ast.stmt):
                yield child
            if not isinstance(child, ast.JoinedStr):
                yield from _code(child)


def _says_nothing(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Import() | ast.ImportFrom():
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="_logger")))):
            return True
        case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"))], value=ast.Name()):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.Assert():
            return True
        case ast.ClassDef(bases=bases):
            return any("Protocol" in ast.unparse(base) for base in bases)
    return False


def _changes(node: ast.AST) -> Iterator[ast.AST | str]:
    for operator in OPERATORS:
        yield from operator(node)


def _with(node: Any, **fields: Any) -> Any:
    changed = deepcopy(node)
    for field, value in fields.items():
        setattr(changed, field, value)
    return changed


def _compared(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            for other in COMPARISONS[type(operator)]:
                yield _with(node, ops=[*node.ops[:place], other(), *node.ops[place + 1 :]])


def _combined(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.BoolOp(op=operator, values=values):
            yield _with(node, op=ast.Or() if isinstance(operator, ast.And) else ast.And())
            for place in range(len(values)):
                rest = [*values[:place], *values[place + 1 :]]
                yield _with(node, values=rest) if len(rest) > 1 else rest[0]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.IfExp(body=body, orelse=orelse):
            yield body
            yield orelse
        case ast.BinOp(op=arithmetic) if type(arithmetic) in ARITHMETIC:
            yield _with(node, op=ARITHMETIC[type(arithmetic)]())


def _constants(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield ast.Constant(value + 1)
            yield ast.Constant(value - 1)
        case ast.Constant(value=str()) | ast.JoinedStr():
            text = ast.unparse(node)
            if IS_CONDITION.search(text):
                for old, new in CONDITIONS:
                    for found in re.finditer(old, text):
                        yield ast.parse(text[: found.start()] + new + text[found.end() :], mode="eval").body


def _called(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in FUNCTIONS:
            yield _with(node, func=ast.Name(FUNCTIONS[name]), keywords=[] if name == "sorted" else node.keywords)
    if isinstance(node, ast.Call):
        for place in range(len(node.keywords)):
            yield _with(node, keywords=[*node.keywords[:place], *node.keywords[place + 1 :]])
    if isinstance(node, ast.Dict):
        for place in range(len(node.keys)):
            yield _with(
                node,
                keys=[*node.keys[:place], *node.keys[place + 1 :]],
                values=[*node.values[:place], *node.values[place + 1 :]],
            )


def _filtered(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
        for place, generator in enumerate(node.generators):
            if generator.ifs:
                rest = [*node.generators[:place], _with(generator, ifs=[]), *node.generators[place + 1 :]]
                yield _with(node, generators=rest)


def _stated(node: ast.AST) -> Iterator[str]:
    """What is left of a statement; NUL stands for what it was."""
    match node:
        case ast.Expr() | ast.AugAssign() | ast.Raise() | ast.Delete():
            yield "pass"
        case ast.Continue():
            yield "break"
        case ast.Break():
            yield "continue"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield "pass"
        case ast.Return(value=ast.expr()):
            yield "return None"
        case ast.For(body=[*_, ast.stmt() as last], orelse=[]) if not isinstance(last, ast.Return | ast.Break):
            yield f"\0\n{' ' * last.col_offset}break"


OPERATORS: tuple[Callable[[ast.AST], Iterator[ast.AST | str]], ...] = (
    _compared,
    _combined,
    _constants,
    _called,
    _filtered,
    _stated,
)
