"""Which retry policy a connector has: a built-in one, or one of its organization's own. What an own one may hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from connectors import retry, timeline
from connectors.models import Connector, RetryPolicy
from connectors.retry import Policy

Fields: TypeAlias = Mapping[str, Any]
Reasons: TypeAlias = dict[str, str]

DAY: Final = 86_400
MOST_WAITS: Final = 100
LONGEST_WAIT: Final = 7 * DAY
LONGEST_SCHEDULE: Final = 30 * DAY
LONGEST_TIMEOUT: Final = 60
PAUSE_RANGE: Final = (DAY, 30 * DAY)
"""Seconds. The recorder looks for connectors to pause among those that failed for as long as the shortest."""
STATUSES: Final = range(200, 600)
LISTS: Final = ("success", "gone", "transient")
FIELDS: Final = ("name", "schedule", "timeout", *LISTS, "pause_after", "expires")
"""What is given for a policy, by the names of the REST contract."""


class InUse(Exception):
    """The policy cannot be deleted; the text names the connectors that have it."""


def resolve(connector: Connector) -> Policy | None:
    """None for a name that an older version knew. One statement, unless `own_retry_policy` was selected with it."""
    own = connector.own_retry_policy
    return policy_of(own) if own is not None else retry.POLICIES.get(connector.retry_policy)


def policy_of(row: RetryPolicy) -> Policy:
    return Policy(
        name=row.name,
        title=row.name,
        schedule=tuple(float(wait) for wait in row.schedule),
        timeout=float(row.timeout),
        success=frozenset(row.success),
        gone=frozenset(row.gone),
        transient=None if row.transient is None else frozenset(row.transient),
        pause_after=float(row.pause_after),
        expires=row.expires,
    )


def name_of(connector: Connector) -> str:
    own = connector.own_retry_policy
    return own.name if own is not None else connector.retry_policy


def known(name: object) -> bool:
    return name in retry.POLICIES or (isinstance(name, str) and RetryPolicy.objects.filter(name=name).exists())


def assign(connector: Connector, name: str) -> None:
    """Give the connector the policy of this name, inside a transaction: until it ends, nobody deletes the policy.

    Raises RetryPolicy.DoesNotExist.
    """
    if name in retry.POLICIES:
        connector.retry_policy, connector.own_retry_policy = name, None
        return
    own = RetryPolicy.objects.select_for_update(no_key=True).get(name=name)
    connector.retry_policy, connector.own_retry_policy = "", own


def new() -> RetryPolicy:
    """With what it has unless something else is given; no name and no schedule yet. Not saved."""
    return RetryPolicy(success=list(range(200, 300)), gone=[410], schedule=[], pause_after=5 * DAY)


def store(policy: RetryPolicy, fields: Fields) -> RetryPolicy:
    """Expects fields that `check` passed with the rest of the policy. IntegrityError: the name is taken."""
    for name in FIELDS:
        if name in fields:
            setattr(policy, name, fields[name])
    policy.save()
    return policy


def every() -> list[Policy]:
    """The built-in ones, then the organization's own by name."""
    return [*retry.POLICIES.values(), *map(policy_of, RetryPolicy.objects.order_by("name"))]


def title_of(policy: Policy) -> str:
    """Such as `gridX: 6 tries over about 85 min`."""
    summary = timeline.describe(policy).summary
    return f"{policy.title}: {summary[0].lower()}{summary[1:]}"


def remove(policy: RetryPolicy) -> None:
    """Inside a transaction. Raises InUse."""
    RetryPolicy.objects.select_for_update().get(id=policy.id)
    names = list(Connector.objects.filter(own_retry_policy=policy).order_by("name").values_list("name", flat=True))
    if names:
        raise InUse(f"Connectors have this policy: {', '.join(names)}.")
    policy.delete()


def check(fields: Fields) -> Reasons:
    """Field → why it cannot be stored. Expects all fields, of the right types; `schedule/3` is the fourth wait."""
    reasons = {
        "name": _name(fields["name"]),
        **_schedule(fields["schedule"]),
        "timeout": _between(fields["timeout"], 1, LONGEST_TIMEOUT),
        "success": None if fields["success"] else "At least one status is needed.",
        "pause_after": _between(fields["pause_after"], *PAUSE_RANGE),
    }
    found = {field: reason for field, reason in reasons.items() if reason}
    return {**_statuses(fields), **found}


def expanded(given: Iterable[int | str]) -> list[int]:
    """Statuses, of which a whole class may be written as `2xx`. Raises ValueError with the reason."""
    found: set[int] = set()
    for one in given:
        text = str(one).strip().lower()
        if text in {"2xx", "3xx", "4xx", "5xx"}:
            found.update(range(int(text[0]) * 100, int(text[0]) * 100 + 100))
        elif text.isascii() and text.isdigit() and len(text) == 3 and int(text) in STATUSES:
            found.add(int(text))
        else:
            raise ValueError(f"{text[:20]} is neither a status from 200 to 599 nor a class such as 2xx.")
    return sorted(found)


def collapsed(statuses: Iterable[int]) -> list[int | str]:
    """The opposite of `expanded`."""
    left = set(statuses)
    shown: list[int | str] = []
    for hundred in range(2, 6):
        whole = set(range(hundred * 100, hundred * 100 + 100))
        shown += [f"{hundred}xx"] if whole <= left else sorted(left & whole)
    return shown


def _name(name: str) -> str | None:
    if not name.strip() or not name.isprintable() or name != name.strip():
        return "A name in letters that can be seen, without blanks around it."
    if name.lower() in retry.POLICIES:
        return "A built-in policy has this name."
    return None


def _schedule(waits: list[int]) -> dict[str, str | None]:
    if not 1 <= len(waits) <= MOST_WAITS:
        return {"schedule": f"1 to {MOST_WAITS} waits are expected."}
    reasons = {f"schedule/{index}": _between(wait, 1, LONGEST_WAIT) for index, wait in enumerate(waits)}
    if sum(waits) > LONGEST_SCHEDULE and not any(reasons.values()):
        return {"schedule": f"All waits together: at most {timeline.span(LONGEST_SCHEDULE)}."}
    return reasons


def _statuses(fields: Fields) -> Reasons:
    """A status decides one thing only."""
    counted = Counter(status for name in LISTS for status in set(fields[name] or ()))
    twice = {status for status, times in counted.items() if times > 1}
    return {
        name: f"Also in another list: {timeline.statuses(twice & set(fields[name]))}."
        for name in LISTS[1:]
        if fields[name] and not twice.isdisjoint(fields[name])
    }


def _between(value: int, least: int, most: int) -> str | None:
    if least <= value <= most:
        return None
    if most < DAY:
        return f"From {least} s to {most} s."
    return f"From {timeline.span(least)} to {timeline.span(most)}, in seconds."
