"""Dockerfile, .dockerignore and compose.yaml, read as far as the tests need it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "docker" / "Dockerfile"
COMPOSE = ROOT / "docker" / "compose.yaml"
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?:(?P<kind>:[?-])(?P<word>[^}]*))?\}")


@dataclass(frozen=True, kw_only=True)
class Instruction:
    word: str
    rest: str

    @property
    def words(self) -> list[str]:
        """Of the exec form: a JSON array. Raises ValueError for the shell form."""
        found: list[str] = json.loads(self.rest)
        return found


def stages() -> list[list[Instruction]]:
    """The Dockerfile's instructions, from each FROM on."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if line and not line.startswith("#")]
    text = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    found: list[list[Instruction]] = []
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append([])
        found[-1].append(Instruction(word=word, rest=rest.strip()))
    return found


def of(stage: list[Instruction], word: str) -> list[Instruction]:
    return [instruction for instruction in stage if instruction.word == word]


def reaches_the_builder(path: str) -> bool:
    """Whether .dockerignore lets a file through: the last line that matches it, or a directory above it, decides."""
    candidates = [path, *(str(parent) for parent in PurePosixPath(path).parents if parent.parts)]
    reached = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern = line.removeprefix("!").replace("**/", "*/")
            if any(fnmatch(candidate, pattern) for candidate in candidates):
                reached = line.startswith("!")
    return reached


def copy_context(tree: Path) -> None:
    """Lay out in `tree` what the first stage's COPY instructions put into the image's directory."""
    for instruction in of(stages()[0], "COPY"):
        *sources, target = instruction.rest.split()
        for source in sources:
            for file in _files(ROOT / source):
                within = file.relative_to(ROOT / source) if source.endswith("/") else Path(file.name)
                if reaches_the_builder(str(file.relative_to(ROOT))):
                    place = tree / target / within
                    place.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(file, place)


def _files(path: Path) -> Iterator[Path]:
    yield from [path] if path.is_file() else (file for file in path.rglob("*") if file.is_file())


class Missing(Exception):
    """A variable that compose.yaml requires; the text is what compose would say."""


def compose(values: Mapping[str, str]) -> dict[str, Any]:
    """compose.yaml with the variables in its texts filled in. Raises Missing."""

    def fill(match: re.Match[str]) -> str:
        name, kind, word = match["name"], match["kind"], match["word"]
        if values.get(name):
            return values[name]
        if kind == ":?":
            raise Missing(f"{name} {word}")
        return word or ""

    def filled(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: filled(value) for name, value in part.items()}
        if isinstance(part, list):
            return [filled(value) for value in part]
        return VARIABLE.sub(fill, part) if isinstance(part, str) else part

    made: dict[str, Any] = filled(yaml.safe_load(COMPOSE.read_text()))
    return made


def environment(service: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, str]:
    """What a container is given; a variable without a value is what `values` say, and unset where they say nothing."""
    pairs = {name: values.get(name) if value is None else value for name, value in service["environment"].items()}
    return {name: value for name, value in pairs.items() if value is not None}


def seconds(duration: str) -> int:
    """Of a duration such as 45s."""
    assert re.fullmatch(r"\d+s", duration)
    return int(duration[:-1])
