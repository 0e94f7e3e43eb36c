"""Run mutmut with mutations that it lacks: each takes a guard out of the code.

mutmut swaps operators, constants and arguments. It never removes a statement, forces a condition,
drops a handler or an item, or looks into a decorated function; those are where guards live.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst
import libcst.matchers as m
from mutmut.__main__ import cli
from mutmut.mutation import file_mutation
from mutmut.mutation.mutators import mutation_operators
from mutmut.utils.file_utils import walk_mutatable_files

KEPT_WITHOUT = m.Expr(m.SimpleString()) | m.Pass() | m.Return() | m.Break() | m.Continue()
UNTOUCHED_BY_MUTMUT = m.Decorator(decorator=m.Name("staticmethod") | m.Name("classmethod"))


def remove_statement(node: cst.SimpleStatementLine) -> Iterator[cst.CSTNode]:
    """``raise x`` becomes ``pass``."""
    if not m.matches(node.body[0], KEPT_WITHOUT):
        yield node.with_changes(body=[cst.Pass()])


def return_nothing(node: cst.Return) -> Iterator[cst.CSTNode]:
    """``return x`` becomes ``return None``."""
    if node.value is not None and not m.matches(node.value, m.Name("None")):
        yield node.with_changes(
            value=cst.Name("None"), whitespace_after_return=cst.SimpleWhitespace(" ")
        )


def force_condition(node: cst.If | cst.While | cst.CompIf) -> Iterator[cst.CSTNode]:
    """``if x`` becomes ``if (x) and False`` and ``if (x) or True``; no loop is made endless."""
    test = _in_parentheses(node.test)
    never = cst.BooleanOperation(test, cst.And(), cst.Name("False"))
    always = cst.BooleanOperation(test, cst.Or(), cst.Name("True"))
    for forced in [never] if isinstance(node, cst.While) else [never, always]:
        yield node.with_changes(test=forced)


def keep_one_side(node: cst.BooleanOperation) -> Iterator[cst.CSTNode]:
    """``x and y`` becomes ``x``, and ``y``."""
    yield _in_parentheses(node.left)
    yield _in_parentheses(node.right)


def drop_item(node: cst.Tuple | cst.List | cst.Dict) -> Iterator[cst.CSTNode]:
    """``(x, y)`` becomes ``(x,)``, and ``(y,)``."""
    bare = isinstance(node, cst.Tuple) and not node.lpar  # such as the targets of an assignment
    if len(node.elements) > 1 and not bare:
        for index in range(len(node.elements)):
            kept = [*node.elements[:index], *node.elements[index + 1 :]]
            yield node.with_changes(elements=kept)


def narrow_handler(node: cst.ExceptHandler) -> Iterator[cst.CSTNode]:
    """``except BaseException`` becomes ``except Exception``."""
    if m.matches(node, m.ExceptHandler(type=m.Name("BaseException"))):
        yield node.with_changes(type=cst.Name("Exception"))


def weaken_try(node: cst.Try) -> Iterator[cst.CSTNode]:
    """A ``try`` loses one handler, or runs its ``finally`` only when all went well."""
    if node.finalbody is not None:
        rest = node.with_changes(finalbody=None) if node.handlers else _block(node.body.body)
        yield _block([rest, *node.finalbody.body.body])
    if len(node.handlers) > 1 or (node.handlers and node.finalbody and not node.orelse):
        for index in range(len(node.handlers)):
            yield node.with_changes(handlers=[*node.handlers[:index], *node.handlers[index + 1 :]])
    elif node.handlers:
        yield _block([*node.body.body, *(node.orelse.body.body if node.orelse else ())])


def _block(statements: Sequence[cst.BaseStatement | cst.BaseSmallStatement]) -> cst.If:
    return cst.If(cst.Name("True"), cst.IndentedBlock(statements))  # type: ignore[arg-type]


def _in_parentheses(node: cst.BaseExpression) -> cst.BaseExpression:
    if node.lpar or isinstance(node, (cst.Name, cst.Attribute, cst.Call)):
        return node
    return node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


class _DecorateBelow(cst.CSTTransformer):
    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef | cst.FlattenSentinel[cst.BaseStatement]:
        decorators = [d for d in updated_node.decorators if not m.matches(d, UNTOUCHED_BY_MUTMUT)]
        if not decorators:
            return updated_node
        value: cst.BaseExpression = updated_node.name
        for each in reversed(decorators):
            value = cst.Call(each.decorator, [cst.Arg(value)])
        line = cst.SimpleStatementLine([cst.Assign([cst.AssignTarget(updated_node.name)], value)])
        return cst.FlattenSentinel([updated_node.with_changes(decorators=[]), line])


def decorate_below(source: str) -> str:
    """Rewrite ``@property def f`` as ``def f`` and ``f = property(f)``, which mutmut takes."""
    return cst.parse_module(source).visit(_DecorateBelow()).code


def main() -> None:
    """Mutate what ``[mutmut]`` in the setup.cfg of the current folder names, and run its tests."""
    for path in walk_mutatable_files():
        path.write_text(decorate_below(path.read_text("utf-8")), "utf-8")
    file_mutation.NEVER_MUTATE_FUNCTION_CALLS.clear()  # isinstance is what many guards ask
    mutation_operators.extend(GUARD_OPERATORS)  # type: ignore[attr-defined]
    cli(["run"])


GUARD_OPERATORS = [
    (cst.SimpleStatementLine, remove_statement),
    (cst.Return, return_nothing),
    ((cst.If, cst.While, cst.CompIf), force_condition),
    (cst.BooleanOperation, keep_one_side),
    ((cst.Tuple, cst.List, cst.Dict), drop_item),
    (cst.ExceptHandler, narrow_handler),
    (cst.Try, weaken_try),
]

if __name__ == "__main__":
    main()
