"""The private files of a run."""

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from portal.runtime import datadir
from portal.runtime.program import StartError


def test_keys_are_made_once_and_only_for_what_the_environment_lacks(tmp_path: Path) -> None:
    first = datadir.own_secrets(tmp_path, {})
    Fernet(first["FIELD_ENCRYPTION_KEYS"])
    assert datadir.own_secrets(tmp_path, {}) == first
    assert datadir.own_secrets(tmp_path, {"SECRET_KEY": "given"}) == {
        "FIELD_ENCRYPTION_KEYS": first["FIELD_ENCRYPTION_KEYS"]
    }
    assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600


def test_given_keys_are_not_written_down(tmp_path: Path) -> None:
    given = {"SECRET_KEY": "a", "FIELD_ENCRYPTION_KEYS": "b"}
    assert datadir.own_secrets(tmp_path, given) == {}
    assert not (tmp_path / "secrets.env").exists()


def test_values_with_equals_signs_come_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "some.env"
    datadir.write_env(path, {"KEY": "a=b==", "OTHER": ""})
    assert datadir.read_env(path) == {"KEY": "a=b==", "OTHER": ""}


def test_only_one_run_holds_a_directory(tmp_path: Path) -> None:
    with (
        datadir.lock(tmp_path),
        pytest.raises(StartError, match="Another `up` already runs"),
        datadir.lock(tmp_path),
    ):
        pass
    with datadir.lock(tmp_path):
        pass


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match="cannot be written"):
        datadir.create(tmp_path / "file" / "data")
