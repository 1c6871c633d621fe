"""Hash ids: alphanumeric, the same for the same object, and read back only with the salt."""

from __future__ import annotations

from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.profiles.hash_ids import decode, encode, encode_name

DEVICE = UUID("0193f6a0-5b7e-7c3a-9d41-2f6b8f0f5a11")


@pytest.mark.line(61)
@given(identifier=st.uuids(), salt=st.text(min_size=1, max_size=40), object_type=st.sampled_from(["device", "port"]))
def test_an_id_is_alphanumeric_and_can_be_read_back(identifier: UUID, salt: str, object_type: str) -> None:
    shown = encode(salt, object_type, str(identifier))
    assert shown.isascii()
    assert shown.isalnum()
    assert decode(salt, object_type, shown) == identifier


@pytest.mark.parametrize("identifier", [UUID(int=0), UUID(int=2**128 - 1), UUID(int=2**43), UUID(int=2**86 - 1)])
def test_ids_at_the_edges_can_be_read_back(identifier: UUID) -> None:
    assert decode("salt", "device", encode("salt", "device", str(identifier))) == identifier


@pytest.mark.line(61)
def test_an_id_never_changes() -> None:
    """Partners store it: neither a new version of a library nor one of Python may change it."""
    assert encode("salt", "device", str(DEVICE)) == "DRTJq3IxIYlGMf0pG9gwjhuTJ"


@pytest.mark.line(61)
def test_it_differs_by_type_and_by_organization() -> None:
    shown = {encode(salt, kind, str(DEVICE)) for salt in ("ours", "theirs") for kind in ("device", "location")}
    assert len(shown) == 4


@pytest.mark.line(61)
def test_without_the_salt_it_is_not_read_back() -> None:
    shown = encode("ours", "device", str(DEVICE))
    for salt, kind in (("theirs", "device"), ("ours", "location")):
        try:
            assert decode(salt, kind, shown) != DEVICE
        except ValueError as error:
            assert "no id" in str(error)  # noqa: PT017 - either way of not reading it is right


@pytest.mark.parametrize(
    "shown", ["", "a", "-", "é", "0" * 100, str(DEVICE), encode("salt", "device", str(DEVICE)) + "a"]
)
def test_what_is_no_id_is_refused(shown: str) -> None:
    with pytest.raises(ValueError, match="no id of that type"):
        decode("salt", "device", shown)


@pytest.mark.line(61)
def test_what_has_a_name_alone_is_told_apart_by_its_owner() -> None:
    shown = {encode_name("salt", "port", str(owner), name) for owner in (DEVICE, UUID(int=1)) for name in ("L1", "L2")}
    assert len(shown) == 4
    assert decode("salt", "port", encode_name("salt", "port", str(DEVICE), "L1")) == uuid5(DEVICE, "L1")


def test_no_id_without_a_salt() -> None:
    with pytest.raises(ValueError, match="salt is missing"):
        encode("", "device", str(DEVICE))
