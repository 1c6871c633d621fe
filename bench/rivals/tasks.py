"""One task per delivery: read it, sign it, post it, save what came of it."""

import json
import time

import requests
from celery import shared_task
from django.conf import settings

from bench import message
from bench.rivals.models import Attempt, Delivery

RETRY_SECONDS = 30
TIMEOUT_SECONDS = 15

_session = requests.Session()
post = _session.post if settings.TUNED else requests.post


@shared_task(bind=True, max_retries=8)
def deliver(self, delivery_id):  # type: ignore[no-untyped-def]
    delivery = Delivery.objects.select_related("event", "receiver").get(pk=delivery_id)
    body = json.dumps(delivery.event.payload).encode()
    began = time.perf_counter()
    try:
        response = post(
            delivery.receiver.url,
            data=body,
            headers=message.signed_headers(body, str(delivery.pk)),
            timeout=TIMEOUT_SECONDS,
        )
        status, text = response.status_code, response.text[:1000]
    except requests.RequestException as error:
        status, text = None, str(error)
    duration = 1000 * (time.perf_counter() - began)
    Attempt.objects.create(delivery=delivery, status=status, duration_ms=duration, response=text)
    delivered = status is not None and 200 <= status < 300
    delivery.attempts += 1
    delivery.state = "delivered" if delivered else "failed"
    delivery.save()
    if not delivered:
        raise self.retry(countdown=RETRY_SECONDS)
