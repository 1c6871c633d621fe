"""A new tenant, ready for use: the organization, its owner, and a key of all scopes; then further people."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from portal.tenants import scope
from portal.tenants.models import KEY_LIFE, ApiKey, KeyScope, Membership, Organization, Role, User


class OnboardError(Exception):
    """It cannot be done; the text is the sentence that the operator reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Onboarded:
    """`api_key` is seen only here. `password` is None for a person who had an account before."""

    organization: Organization
    owner: User
    api_key: str
    password: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """`role_before` is None for a person who is new there; `password` for one who had an account before."""

    organization: Organization
    person: User
    role: str
    role_before: str | None
    password: str | None


def onboard(name: str, owner_email: str, now: datetime) -> Onboarded:
    """Make the organization with its owner and a key, or nothing. Raises OnboardError."""
    name = name.strip()
    _check_email(owner_email)
    with transaction.atomic():
        organization = _new_organization(name)
        owner, password = _person(owner_email)
        with scope.organization(organization.id):
            Membership.objects.create(user=owner, role=Role.OWNER)
            api_key = new_key(f"First key of {name}"[:200], owner, now)
    return Onboarded(organization=organization, owner=owner, api_key=api_key, password=password)


def add_member(organization_name: str, email: str, role: str) -> Joined:
    """Give a person that role in an organization, whether they had one there or not. Raises OnboardError.

    The last owner keeps the role: nobody else could give it back.
    """
    _check_email(email)
    organization = Organization.objects.filter(name=organization_name.strip()).first()
    if organization is None:
        raise OnboardError(f"There is no organization named {organization_name!r}.")
    with transaction.atomic(), scope.organization(organization.id):
        people = {one.user_id: one for one in Membership.objects.select_for_update(of=("self",))}
        person, password = _person(email)
        before = people.get(person.id)
        role_before = before.role if before else None
        if before is None:
            Membership.objects.create(user=person, role=role)
        elif role_before != role:
            _check_owner_left(list(people.values()), before, role)
            before.role = role
            before.save(update_fields=["role"])
    return Joined(organization=organization, person=person, role=role, role_before=role_before, password=password)


def new_key(name: str, owner: User, now: datetime) -> str:
    """A key of all scopes in the current organization; returns it whole, the only time it is seen."""
    key = ApiKey(name=name, scopes=list(KeyScope.values), created_by=owner, expires_at=now + KEY_LIFE)
    whole = key.set_secret()
    key.save()
    return whole


def _check_email(email: str) -> None:
    try:
        validate_email(email)
    except ValidationError:
        raise OnboardError(f"{email!r} is not an e-mail address.") from None


def _check_owner_left(people: list[Membership], changed: Membership, role: str) -> None:
    others = [one for one in people if one.role == Role.OWNER and one.id != changed.id]
    if changed.role == Role.OWNER and role != Role.OWNER and not others:
        raise OnboardError(f"{changed.user.email} is the only owner: make somebody else an owner first.")


def _new_organization(name: str) -> Organization:
    organization = Organization(name=name)
    try:
        organization.clean_fields()
        with transaction.atomic():
            organization.save()
    except ValidationError as error:
        raise OnboardError(f"This name cannot be used: {' '.join(error.messages)}") from None
    except IntegrityError:
        raise OnboardError(f"An organization named {name!r} exists already; choose another name.") from None
    return organization


def _person(email: str) -> tuple[User, str | None]:
    """The account of that address, however its letters are cased; else a new one, with its password."""
    if known := User.objects.filter(email__iexact=email).first():
        return known, None
    password = secrets.token_urlsafe(15)
    return User.objects.create_user(email, password), password
