from __future__ import annotations

import re

import pytest
from django.core import mail
from django.test import Client

from portal.tenants.models import User
from tests.conftest import Tenant

PASSWORD = "correct horse battery"
EMAIL = "owner@nordlys.example"


def sign_in(client: Client, password: str = PASSWORD) -> int:
    return client.post("/accounts/login/", {"login": EMAIL, "password": password}).status_code


def test_signing_in_and_out(tenant: Tenant) -> None:
    client = Client()
    answer = client.post("/accounts/login/?next=/inbox/", {"login": EMAIL.upper(), "password": PASSWORD})
    assert answer["Location"] == "/inbox/"
    assert client.get("/").status_code == 200
    assert client.get("/accounts/logout/").status_code == 200
    assert client.post("/accounts/logout/").status_code == 302
    assert client.get("/").status_code == 302


def test_a_wrong_password_says_so_and_signs_nobody_in(tenant: Tenant) -> None:
    client = Client()
    answer = client.post("/accounts/login/", {"login": EMAIL, "password": "wrong"})
    assert 'class="notice bad" role="alert"' in answer.content.decode()
    assert client.get("/").status_code == 302


def test_ten_wrong_passwords_lock_that_address_out(tenant: Tenant) -> None:
    client = Client()
    assert [sign_in(client, "wrong") for _ in range(9)] == [200] * 9
    answer = client.post("/accounts/login/", {"login": EMAIL, "password": "wrong"})
    assert answer.status_code == 429
    assert b"Too many attempts" in answer.content
    assert sign_in(client) == 429
    assert client.get("/").status_code == 302


def test_nobody_signs_up(tenant: Tenant) -> None:
    assert b"No sign-up here" in Client().get("/accounts/signup/").content
    Client().post("/accounts/signup/", {"email": "new@x.example", "password1": PASSWORD})
    assert not User.objects.filter(email="new@x.example").exists()


def test_a_forgotten_password_is_set_by_a_link_that_works_once(tenant: Tenant) -> None:
    client = Client()
    answer = client.post("/accounts/password/reset/", {"email": EMAIL}, follow=True)
    assert b"Look at your mail" in answer.content
    (message,) = mail.outbox
    path = re.search(r"http://testserver(/\S+)", str(message.body))
    assert path is not None
    form = client.get(path[1], follow=True)
    there = form.redirect_chain[-1][0]
    done = client.post(there, {"password1": "a quite new phrase", "password2": "a quite new phrase"}, follow=True)
    assert b"The password is set" in done.content
    assert sign_in(Client(), "a quite new phrase") == 302
    assert b"This link has been used" in Client().get(path[1], follow=True).content


def test_an_unknown_address_gets_the_same_answer(tenant: Tenant) -> None:
    answer = Client().post("/accounts/password/reset/", {"email": "nobody@x.example"}, follow=True)
    assert b"Look at your mail" in answer.content


@pytest.mark.parametrize(("old", "works"), [(PASSWORD, True), ("wrong", False)])
def test_changing_the_password_needs_the_old_one(tenant: Tenant, owner: Client, old: str, works: bool) -> None:
    new = "another fine phrase"
    owner.post("/accounts/password/change/", {"oldpassword": old, "password1": new, "password2": new})
    assert User.objects.get(email=EMAIL).check_password(new) is works


@pytest.mark.parametrize(
    "path",
    [
        "",
        "email/",
        "reauthenticate/",
        "confirm-email/",
        "confirm-email/abc/",
        "login/code/confirm/",
        "3rdparty/",
        "2fa/",
    ],
)
def test_what_is_not_offered_of_an_account_is_not_there(owner: Client, path: str) -> None:
    assert owner.get(f"/accounts/{path}").status_code == 404


def test_a_closed_account_is_told_so(tenant: Tenant) -> None:
    User.objects.filter(email=EMAIL).update(is_active=False)
    assert b"This account is closed" in Client().get("/accounts/inactive/").content
    assert sign_in(client := Client()) in (200, 302)
    assert client.get("/").status_code == 302


def test_an_account_without_a_password_sets_its_first(tenant: Tenant) -> None:
    person = User.objects.get(email=EMAIL)
    person.set_unusable_password()
    person.save()
    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    new = "a first fine phrase"
    form = client.get("/accounts/password/change/", follow=True)
    assert b'class="entrance"' in form.content
    client.post("/accounts/password/set/", {"password1": new, "password2": new})
    assert sign_in(Client(), new) == 302
