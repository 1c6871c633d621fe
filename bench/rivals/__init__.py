"""What this product is measured against: the usual Celery designs, small and honest, as a Django project of its own.

`naive`: one task per delivery, `requests.post`, the row saved through the ORM; Celery and Django as they come, so the
database connection is closed after every task. `tuned`: the same task with the database connection and the HTTP session
kept (TUNED=1). Both sign the same 1 KB body as the product's default signing does, keep every attempt as a row, and run
on the same PostgreSQL and Redis with the same durability.

`views.py` is the usual way in: a REST framework view with a serializer of many items and `bulk_create`.
"""

from bench.rivals.celery import app as celery_app

__all__ = ["celery_app"]
