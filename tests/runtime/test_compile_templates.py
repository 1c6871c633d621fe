"""`manage.py compile_templates`."""

from copy import deepcopy
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings


@pytest.fixture
def templates(tmp_path: Path, settings: Settings) -> Path:
    directory = tmp_path / "templates"
    (directory / "shop").mkdir(parents=True)
    engines = deepcopy(settings.TEMPLATES)
    engines[0]["DIRS"] = [directory]
    settings.TEMPLATES = engines
    settings.BASE_DIR = tmp_path
    return directory


def test_each_template_that_fails_is_named(templates: Path) -> None:
    (templates / "shop" / "right.html").write_text("{% if true %}yes{% endif %}")
    (templates / "shop" / "open.html").write_text("{% if true %}yes")
    (templates / "orphan.html").write_text("{% extends 'nowhere.html' %}{% load nothing_of_that_name %}")
    with pytest.raises(CommandError) as failure:
        call_command("compile_templates")
    lines = str(failure.value).splitlines()
    assert [line.partition(":")[0] for line in lines if ": " in line][:2] == ["orphan.html", "shop/open.html"]


def test_templates_that_compile_are_counted(templates: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (templates / "shop" / "right.html").write_text("{{ value|default:'-' }}")
    call_command("compile_templates")
    assert "1 templates compile" in capsys.readouterr().out
