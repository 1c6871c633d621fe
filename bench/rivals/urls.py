from django.urls import path

from bench.rivals.views import Events

urlpatterns = [
    path("events/", Events.as_view()),
    path("events/deliver/", Events.as_view(delivers=True)),
]
