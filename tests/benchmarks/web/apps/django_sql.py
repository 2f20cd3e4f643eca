"""Django with its database backend."""

import time

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from sqlalchemy import make_url

from tests.benchmarks.web.apps.work import PAUSE, count_up, database_url

url = make_url(database_url("postgresql"))
settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": url.database,
            "USER": url.username,
            "PASSWORD": url.password or "",
            "HOST": url.host,
            "PORT": str(url.port or ""),
            "CONN_MAX_AGE": None,
        }
    },
    INSTALLED_APPS=["django.contrib.sessions"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="unused",  # noqa: S106 # signs nothing that is kept
    USE_TZ=True,
)
django.setup()
call_command("migrate", verbosity=0)


def read(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(request.session.get("count", 0)))


def write(request: HttpRequest) -> HttpResponse:
    seen = request.session.get("count", 0)
    time.sleep(PAUSE)
    return HttpResponse(str(count_up(request.session, seen)))


urlpatterns = [path("anonymous", read), path("read", read), path("write", write)]
app = get_wsgi_application()
