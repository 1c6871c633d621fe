"""The Celery application. Tasks are found by the names in settings.CELERY_IMPORTS; the delivery engine rides in workers."""

import os

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("feeder")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["worker"].add("connectors.worker:DeliveryStep")
