"""The Celery application. settings.CELERY_IMPORTS names the tasks; the delivery engine rides in the workers."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("feeder")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["worker"].add("portal.checks.start:SafeToStart")
app.steps["worker"].add("connectors.worker:DeliveryStep")
