"""The block of text that a start ends with."""

import json
import subprocess

from portal.runtime.welcome import Demo, welcome

URL = "http://127.0.0.1:8000"


def test_the_first_start_tells_password_and_key() -> None:
    lines = welcome(URL, Demo(email="owner@demo.example", password="pass word", api_key="fdr_1")).splitlines()
    assert "  Sign in as: owner@demo.example" in lines
    assert "  Password: pass word" in lines
    assert "  API key: fdr_1" in lines


def test_later_starts_do_not_know_the_password() -> None:
    text = welcome(URL, Demo(email="owner@demo.example", password=None, api_key="fdr_1"))
    assert "Password: as set at the first start" in text


def test_the_example_can_be_pasted_into_a_shell() -> None:
    lines = welcome(URL, Demo(email="owner@demo.example", password=None, api_key="fdr_1")).splitlines()
    start = next(number for number, line in enumerate(lines) if line.strip().startswith("curl"))
    pasted = "\n".join(["curl() { for word; do printf '%s\\n' \"$word\"; done; }", *lines[start : start + 3]])
    words = subprocess.run(["/bin/sh", "-c", pasted], capture_output=True, text=True, check=True).stdout.splitlines()
    assert words[0] == f"{URL}/api/v1/readings/"
    assert words[2] == "Authorization: Bearer fdr_1"
    assert json.loads(words[-1])["readings"][0]["property"] == "hvac.mode"


def test_without_a_demo_it_says_how_to_begin() -> None:
    assert "create_organization NAME --owner EMAIL" in welcome(URL, None)
