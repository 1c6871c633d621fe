"""The Celery application of the rivals."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.rivals.settings")

app = Celery("rivals")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
