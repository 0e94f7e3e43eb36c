"""Mutate the substrate and the contexts, and compare the mutants that survive with those explained.

    make mutation        python tests/mutation/run.py

Works on a copy of the checkout, configured by ``[mutmut]`` in setup.cfg. Every survivor must stand
in docs/mutation.md; fails for one that does not, and when 5 % or more survive. The whole result is
in build/mutation.md afterwards, in the form that the document has.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import chdir
from pathlib import Path

from longer_tests import killed_by_longer_tests
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files

ROOT = Path(__file__).resolve().parents[2]
MUTMUT = ROOT / "tests" / "mutation" / "mutmut_with_guards.py"
DOCUMENT = ROOT / "docs" / "mutation.md"
REPORT = ROOT / "build" / "mutation.md"
SKIPPED = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "instance", "*.egg-info")
SURVIVED = ("survived", "no tests", "not checked", "skipped")
LIMIT = 5.0  # percent

Mutant = tuple[str, str]
"""The function, and what is - and + in it. Numbers would change with each edit of the code."""


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder) / "wsgikit"
        shutil.copytree(ROOT, scratch, ignore=SKIPPED)  # the link to middleware/ becomes a folder
        subprocess.run([sys.executable, MUTMUT], cwd=scratch, check=True)
        with chdir(scratch):
            results = read_results()
            unmutated = functions_without(results)
    survivors = Counter(mutant for mutant, status in results if status in SURVIVED)
    percent = 100 * survivors.total() / len(results)
    counts = ", ".join(f"{n} {status}" for status, n in Counter(s for _, s in results).items())
    numbers = f"{len(results)} mutants: {counts}; {percent:.1f} % survived"
    write_report(numbers, results)
    print(f"\n{numbers}. {REPORT.relative_to(ROOT)} shows those that were not simply killed.")
    print(f"Functions without a mutant: {', '.join(sorted(unmutated)) or 'none'}.")
    return judge(survivors, explained(DOCUMENT.read_text("utf-8")), percent)


def read_results() -> list[tuple[Mutant, str]]:
    """Each mutant with what became of it, from the files that mutmut left in this folder."""
    mutants, statuses = {}, {}
    for path in walk_mutatable_files():
        codes = json.loads(Path(f"mutants/{path}.meta").read_text("utf-8"))["exit_code_by_key"]
        for name, code in codes.items():
            mutants[name] = identity(name, get_diff_for_mutant(name, path=path))
            known = (*SURVIVED, "timeout")  # the rest are ends of a test run: error, interrupt
            statuses[name] = status if (status := status_by_exit_code[code]) in known else "killed"
    living = [name for name, status in statuses.items() if status in SURVIVED]
    statuses.update(dict.fromkeys(killed_by_longer_tests(living), "killed"))
    return [(mutants[name], statuses[name]) for name in mutants]


def functions_without(results: list[tuple[Mutant, str]]) -> set[str]:
    """The functions and methods of the mutated modules that have no mutant at all."""
    found = set()
    for path in walk_mutatable_files():
        module = ".".join(path.with_suffix("").parts[1:])
        body = ast.parse(path.read_text("utf-8")).body
        owners = [(module, body)]
        owners += [(f"{module}.{c.name}", c.body) for c in body if isinstance(c, ast.ClassDef)]
        for owner, nodes in owners:
            found |= {f"{owner}.{node.name}" for node in nodes if isinstance(node, ast.FunctionDef)}
    return found - {function for (function, _), _ in results}


def identity(name: str, diff: str) -> Mutant:
    """``wsgikit.stacks.xǁStackedContextǁpop__mutmut_3`` is of ``stacks.StackedContext.pop``."""
    function = name.partition("__mutmut_")[0].removeprefix("wsgikit.")
    function = re.sub(r"\.x[_ǁ]", ".", function).replace("ǁ", ".")
    return function, changed_lines(diff)


def changed_lines(diff: str) -> str:
    lines = [line for line in diff.splitlines() if re.match(r"[-+](?![-+])", line)]
    return "\n".join(f"{line[0]} {line[1:].strip()}" for line in lines)


def explained(text: str) -> Counter[Mutant]:
    """The survivors in the document: ``### `function` ``, then a diff for each."""
    found: Counter[Mutant] = Counter()
    for section in re.split(r"^### `", text, flags=re.MULTILINE)[1:]:
        function = section.partition("`")[0]
        for diff in re.findall(r"^```diff\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL):
            found[function, changed_lines(diff)] += 1
    return found


def in_document_form(mutant: Mutant) -> str:
    return f"### `{mutant[0]}`\n```diff\n{mutant[1]}\n```\n"


def write_report(numbers: str, results: list[tuple[Mutant, str]]) -> None:
    REPORT.parent.mkdir(exist_ok=True)
    lines = [numbers, ""]
    for mutant, status in sorted(results, key=lambda result: (result[1], result[0])):
        if status != "killed":
            lines.append(f"{status}\n\n{in_document_form(mutant)}")
    REPORT.write_text("\n".join(lines), "utf-8")


def judge(survivors: Counter[Mutant], known: Counter[Mutant], percent: float) -> int:
    """Print what is wrong; 1 if anything is."""
    for mutant in sorted(known - survivors):
        print(f"\nExplained, but it does not survive any more:\n{in_document_form(mutant)}")
    for mutant in sorted(survivors - known):
        print(f"\nSurvived, and {DOCUMENT.name} does not say why:\n{in_document_form(mutant)}")
    if percent >= LIMIT:
        print(f"{percent:.1f} % survived; fewer than {LIMIT} % may")
    return int(bool(survivors - known) or percent >= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
