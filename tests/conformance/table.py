"""docs/conformance.md: every numbered requirement line of the source documents, and the tests that show it.

    python -m tests.conformance.table --write

`lines.txt` names the lines in our own words, `reasons.txt` says of a line without a test why it has none. Which tests
show a line is read from their `@pytest.mark.line(…)`; that they pass is what `make test` decides.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
TESTS = HERE.parent
ROOT = TESTS.parent
DOCUMENT = ROOT / "docs" / "conformance.md"

HEAD = """# Conformance

Every requirement of the five source documents, by its line number, with the tests that show it. Made from the tests'
own markers by `python -m tests.conformance.table --write`; `make test` fails when this page is not up to date, when a
line has neither a test nor a reason, and when a test that is named here fails.

"shown" means that at least one test fails when the line is not met. Where a vendor publishes nothing, what is tested is
our own definition; [partners.md](partners.md) marks it as such.
"""


@dataclass
class Section:
    """One source document: its lines by number."""

    title: str
    lines: dict[int, str] = field(default_factory=dict)


def sections() -> list[Section]:
    found: list[Section] = []
    for text in (HERE / "lines.txt").read_text().splitlines():
        if text.startswith("#"):
            found.append(Section(title=text.removeprefix("#").strip()))
        elif text.strip():
            number, _, words = text.partition(" ")
            found[-1].lines[int(number)] = words
    return found


def reasons() -> dict[int, str]:
    """Why a line has no test."""
    texts = (HERE / "reasons.txt").read_text().splitlines()
    return {int(number): words for number, _, words in (text.partition(" ") for text in texts if text.strip())}


def tests_by_line() -> dict[int, list[str]]:
    """Line → the tests that are marked with it, as `path::name`, in the order of their names."""
    found: defaultdict[int, set[str]] = defaultdict(set)
    for path in sorted(TESTS.rglob("test_*.py")):
        for name, numbers in _marked(ast.parse(path.read_text())):
            for number in numbers:
                found[number].add(f"{path.relative_to(ROOT)}::{name}")
    return {number: sorted(names) for number, names in found.items()}


def _marked(module: ast.Module) -> Iterator[tuple[str, list[int]]]:
    """Test functions with the numbers of their markers, those of their class and those in their parameters too."""
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            own = _numbers(node.decorator_list)
            for each in node.body:
                if _is_test(each):
                    yield f"{node.name}::{each.name}", own + _numbers(each.decorator_list)
        elif _is_test(node):
            yield node.name, _numbers(node.decorator_list)


def _is_test(node: ast.stmt) -> bool:
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_")


def _numbers(decorators: list[ast.expr]) -> list[int]:
    calls = [call for each in decorators for call in ast.walk(each) if isinstance(call, ast.Call)]
    return [number for call in calls if ast.unparse(call.func) == "pytest.mark.line" for number in _arguments(call)]


def _arguments(call: ast.Call) -> list[int]:
    """Numbers, and `*range(…)` of numbers: nothing else is a marker's business."""
    numbers: list[int] = []
    for argument in call.args:
        if isinstance(argument, ast.Starred) and isinstance(argument.value, ast.Call):
            numbers += range(*[ast.literal_eval(each) for each in argument.value.args])
        else:
            numbers.append(ast.literal_eval(argument))
    return numbers


def document(shown: Mapping[int, list[str]], why_not: Mapping[int, str]) -> str:
    parts = [HEAD]
    for section in sections():
        rows = [_row(number, words, shown.get(number, []), why_not) for number, words in section.lines.items()]
        count = sum(number in shown for number in section.lines)
        parts.append(f"## {section.title}\n\n{count} of {len(section.lines)} lines are shown by tests.\n")
        parts.append("| line | what | state | by |\n|---|---|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _row(number: int, words: str, tests: list[str], why_not: Mapping[int, str]) -> str:
    if not tests:
        return f"| {number} | {words} | no test | {why_not.get(number, 'MISSING')} |"
    first, more = tests[0], len(tests) - 1
    return f"| {number} | {words} | shown | `{first}`{f' and {more} more' if more else ''} |"


def main() -> int:
    text = document(tests_by_line(), reasons())
    if "--write" in sys.argv[1:]:
        DOCUMENT.write_text(text)
    missing = [line for line in text.splitlines() if line.endswith("| MISSING |")]
    print("\n".join(missing))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
