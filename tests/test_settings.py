"""The settings as an operator meets them: other processes, with an environment of their own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
KEY = "0hBUuJ5pFf3Uu1mCkQ4aB5qQ2n4W3vHk0pJrWm2YcVs="
GOOD = {"SECRET_KEY": "x1-" + "abcdefghij" * 6, "FIELD_ENCRYPTION_KEYS": KEY}

SHOW = """
import json, sys
from django.conf import settings
print(json.dumps({name: getattr(settings, name) for name in sys.argv[1:]}, default=str))
"""


@pytest.fixture
def run(tmp_path: Path) -> Any:
    def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {name: os.environ[name] for name in ("PATH", "DATABASE_URL", "REDIS_URL")}
        env = {**kept, "DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "portal.settings", **environment}
        return subprocess.run(
            [sys.executable, *words], env=env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def shown(run: Any, *names: str, **environment: str) -> dict[str, Any]:
    done = run("-c", SHOW, *names, **GOOD | environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("missing", ["SECRET_KEY", "FIELD_ENCRYPTION_KEYS"])
def test_a_missing_key_is_one_sentence(run: Any, missing: str) -> None:
    done = run("manage.py", "migrate", **{name: value for name, value in GOOD.items() if name != missing})
    assert done.returncode == 1
    assert done.stderr.startswith(f"{missing} is not set")
    assert done.stderr.count("\n") <= 1


@pytest.mark.parametrize("module", ["portal.wsgi", "gunicorn", "celery"])
def test_nothing_that_serves_makes_up_a_key(run: Any, module: str) -> None:
    words = {
        "portal.wsgi": ("-c", "import portal.wsgi"),
        "gunicorn": ("-m", "gunicorn", "--check-config", "portal.wsgi"),
        "celery": ("-m", "celery", "-A", "portal", "inspect", "conf", "--timeout", "1"),
    }
    done = run(*words[module])
    assert done.returncode != 0
    assert "SECRET_KEY is not set" in done.stderr


@pytest.mark.parametrize(
    "words", [("check",), ("help",), ("--version",), ("makemigrations", "--check", "--dry-run"), ()]
)
def test_what_builds_the_product_needs_no_keys(run: Any, words: tuple[str, ...]) -> None:
    assert run("manage.py", *words).returncode == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eight"),
        ("DEBUG", "maybe"),
        ("SECURE_SSL", "enabled"),
        ("LOG_LEVEL", "loud"),
        ("EGRESS_ALLOW", "10.0.0.1/8"),
        ("EGRESS_ALLOW", "partner.example"),
        ("INTAKE_BODY_LIMIT", "4 MB"),
        ("EMAIL_URL", "carrier-pigeon://"),
    ],
)
def test_a_value_that_cannot_be_meant_is_one_sentence(run: Any, name: str, value: str) -> None:
    done = run("manage.py", "migrate", **GOOD | {name: value})
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert name in done.stderr or name == "EMAIL_URL"


@pytest.mark.parametrize("word", ["1", "true", "True", "yes", "on"])
def test_words_for_yes(run: Any, word: str) -> None:
    assert shown(run, "SECURE_SSL", SECURE_SSL=word) == {"SECURE_SSL": True}


def test_spaces_in_lists_do_not_count(run: Any) -> None:
    found = shown(
        run, "ALLOWED_HOSTS", "EGRESS_ALLOW", "FIELD_ENCRYPTION_KEYS", "CSRF_TRUSTED_ORIGINS",
        ALLOWED_HOSTS="a.example, b.example,", EGRESS_ALLOW=" 127.0.0.1/32, 10.0.0.0/8",
        FIELD_ENCRYPTION_KEYS=f"{KEY} , {KEY}", CSRF_TRUSTED_ORIGINS="",
    )  # fmt: skip
    assert found == {
        "ALLOWED_HOSTS": ["a.example", "b.example"],
        "EGRESS_ALLOW": ["127.0.0.1/32", "10.0.0.0/8"],
        "FIELD_ENCRYPTION_KEYS": [KEY, KEY],
        "CSRF_TRUSTED_ORIGINS": [],
    }


def test_what_the_database_url_asks_for_is_kept(run: Any) -> None:
    url = "postgresql://feeder:secret@db.example:5432/feeder?sslmode=verify-full&connect_timeout=2"
    database = shown(run, "DATABASES", DATABASE_URL=url)["DATABASES"]["default"]
    wanted = {"sslmode": "verify-full", "connect_timeout": 2, "options": "-c timezone=UTC"}
    assert wanted.items() <= database["OPTIONS"].items()
    assert (database["HOST"], database["ENGINE"]) == ("db.example", "django.db.backends.postgresql")


def test_passwords_are_hashed_slowly(run: Any) -> None:
    assert shown(run, "PASSWORD_HASHERS")["PASSWORD_HASHERS"][0].endswith("PBKDF2PasswordHasher")


def test_behind_tls_the_deploy_check_has_nothing_to_say(run: Any) -> None:
    public = {"SECURE_SSL": "1", "PUBLIC_URL": "https://feeder.example", "ALLOWED_HOSTS": "feeder.example"}
    done = run("manage.py", "check", "--deploy", **GOOD | public)
    assert (done.returncode, "no issues" in done.stdout) == (0, True), done.stderr
    found = shown(
        run,
        *("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "SECURE_HSTS_SECONDS"),
        *("SECURE_CONTENT_TYPE_NOSNIFF", "X_FRAME_OPTIONS", "SESSION_COOKIE_SAMESITE", "DEBUG"),
        **public,
    )
    assert found == {
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "SESSION_COOKIE_HTTPONLY": True,
        "SECURE_HSTS_SECONDS": 31_536_000,
        "SECURE_CONTENT_TYPE_NOSNIFF": True,
        "X_FRAME_OPTIONS": "DENY",
        "SESSION_COOKIE_SAMESITE": "Lax",
        "DEBUG": False,
    }


def example() -> dict[str, str]:
    """The defaults as env.example tells them."""
    lines = re.findall(r"^# ([A-Z_]+)=(\S*)", (ROOT / "env.example").read_text(), re.MULTILINE)
    assert len(lines) > 20
    return dict(lines)


def test_every_setting_of_the_example_is_read_by_that_name() -> None:
    code = "".join(path.read_text() for path in (ROOT / "portal").rglob("*.py"))
    assert [name for name in example() if f'"{name}"' not in code] == []


def test_the_example_tells_the_defaults(run: Any) -> None:
    names = (
        *("HOST", "PORT", "PUBLIC_URL", "SECURE_SSL", "INTAKE_BODY_LIMIT", "EGRESS_ALLOW_HTTP", "DEBUG", "LOG_LEVEL"),
        *("LOG_JSON", "DELIVERY_ENGINE", "DELIVERY_MAX_SOCKETS", "DELIVERY_MAX_UNRECORDED"),
    )
    told = example()
    actual = {name: str(value) for name, value in shown(run, *names).items()}
    assert {name: value.lower() for name, value in actual.items()} == {name: told[name].lower() for name in names}
