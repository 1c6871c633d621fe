"""From claimed deliveries to requests: one each, or as many in one as the format and the connector's limits allow."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid5

import structlog
from msgspec import Struct

from connectors.dispatch import EventText, Target, make_request, shown_head
from connectors.message import ErrorClass, Headers, Outcome, Request
from connectors.outbox import Due
from connectors.profiles import Document, Item, RenderError

log = structlog.get_logger(__name__)


class Work(Struct, frozen=True, kw_only=True, gc=False):
    """A claimed delivery with its event (None when it is no longer kept) and its shard's epoch.

    `refusal` says why it must not be made any more.
    """

    due: Due
    event: EventText | None
    shard: int
    epoch: int
    refusal: str = ""


class Message(Struct, frozen=True, gc=False):
    """What goes out for these deliveries, or what is recorded in place of an answer when it cannot be made.

    `head` and `digest` are what the log keeps of the request.
    """

    works: Sequence[Work]
    request: Request | Outcome
    head: str = ""
    digest: bytes = b""


def make_one(target: Target, work: Work, now: datetime, token: Headers = ()) -> Message:
    """The message of one delivery. `token` are the headers of the connector's access token, if it has one."""
    works = (work,)
    if work.refusal or work.event is None:
        return Message(works, _not_made(work.refusal or "The event is no longer kept."))
    try:
        if target.policy.expires and (late := _expired(work.event.document(), now)):
            return Message(works, late)
        rendering = work.event.rendering(target, work.due.attempts)
        request = make_request(target, rendering.rendered, str(work.due.id), now, token)
        return Message(works, request, shown_head(target, request), rendering.digest)
    except RenderError as error:
        return Message(works, _not_made(str(error)))
    except Exception as error:  # one message that cannot be made must not stop the others
        log.exception("a message could not be made", delivery=str(work.due.id))
        return Message(works, _not_made(f"The message could not be made: {type(error).__name__}."))


def make_batch(
    target: Target, works: Sequence[Work], now: datetime, token: Headers = ()
) -> tuple[list[Message], Sequence[Work]]:
    """One request for as many of these, from the first on, as fit into the connector's bytes; and what did not fit.

    What cannot be made is a message of its own, and does not keep the others from going.
    """
    if target.batch is None or len(works) == 1:
        return [make_one(target, work, now, token) for work in works], ()
    refused: list[Message] = []
    good, items = _sound(target, works, now, refused)
    if not good:
        return refused, ()
    try:
        fitting, request = _fitting(target, good, items, now, token)
    except Exception as error:  # which of them it is shows when each is made alone
        if not isinstance(error, RenderError):
            log.exception("a batch could not be made", connector=str(target.connector_id))
        return refused + [make_one(target, work, now, token) for work in good], ()
    digest = hashlib.sha256(request.body).digest()
    message = Message(good[:fitting], request, shown_head(target, request), digest)
    return [*refused, message], good[fitting:]


def _sound(
    target: Target, works: Sequence[Work], now: datetime, refused: list[Message]
) -> tuple[list[Work], list[Item]]:
    """Those that can be read and are wanted still, with their events; the others are added to `refused`."""
    good, items = [], []
    for work in works:
        if work.refusal or work.event is None:
            refused.append(Message((work,), _not_made(work.refusal or "The event is no longer kept.")))
            continue
        try:
            document = work.event.document()
            late = _expired(document, now) if target.policy.expires else None
        except (AttributeError, KeyError, TypeError, ValueError):  # made alone, it says why it cannot be read
            refused.append(make_one(target, work, now))
            continue
        if late:
            refused.append(Message((work,), late))
        else:
            good.append(work)
            items.append(Item(document, work.due.attempts))
    return good, items


def _fitting(
    target: Target, works: Sequence[Work], items: Sequence[Item], now: datetime, token: Headers
) -> tuple[int, Request]:
    """How many from the first on fit, at least one, and their request."""
    limit = target.batch.bytes if target.batch else 0
    count = len(items)
    while True:
        rendered = target.profile.render(items[:count], target.context)
        if len(rendered.body) <= limit or count == 1:
            return count, make_request(target, rendered, message_id([w.due.id for w in works[:count]]), now, token)
        count = max(1, min(count - 1, count * limit // len(rendered.body)))


def message_id(delivery_ids: Sequence[UUID]) -> str:
    """One delivery's own id. Of several in one request, an id that is the same whenever the same ones go together."""
    if len(delivery_ids) == 1:
        return str(delivery_ids[0])
    return str(uuid5(delivery_ids[0], "".join([each.hex for each in delivery_ids])))


def _expired(document: Document, now: datetime) -> Outcome | None:
    until = document["data"].get("expires_at")
    if until is None or datetime.fromisoformat(until) > now:
        return None
    return not_sent(ErrorClass.EXPIRED, f"It was of use until {until}, and is not sent any more.")


def _not_made(detail: str) -> Outcome:
    return not_sent(ErrorClass.RENDER, detail)


def not_sent(error: ErrorClass, detail: str) -> Outcome:
    """What is recorded of a message that did not go out."""
    return Outcome(status=None, error=error, detail=detail, headers=(), body=b"", truncated=False, duration=0.0)
