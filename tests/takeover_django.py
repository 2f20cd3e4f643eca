"""A Django project in one file, `python -m tests.takeover_django`: somebody logs in, and their cookie is printed.

It reads as JSON: `engine`, `database` and `serializer` of its settings, and its `keys`, the newest first.
"""

import json
import pickle
import sys
from importlib import import_module
from typing import Any


def django(name: str) -> Any:  # noqa: ANN401 # Django has no types
    """A module of Django's. Many can be imported only when the settings are known."""
    return import_module(f"django.{name}")


def configure(wanted: dict[str, Any]) -> None:
    django("conf").settings.configure(
        SECRET_KEY=wanted["keys"][0],
        SECRET_KEY_FALLBACKS=wanted["keys"][1:],
        DATABASES={"default": wanted["database"]},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        ROOT_URLCONF="tests.takeover_django",
        SESSION_ENGINE=f"django.contrib.sessions.backends.{wanted['engine']}",
        SESSION_SERIALIZER=wanted["serializer"],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        ALLOWED_HOSTS=["*"],
        USE_TZ=True,
    )
    import_module("django").setup()


def main() -> None:
    configure(json.loads(sys.stdin.read()))
    django("core.management").call_command("migrate", verbosity=0)
    user = django("contrib.auth.models").User.objects.create_user("ada")
    client = django("test").Client()
    client.force_login(user)
    response = client.get("/")
    assert response.content == b"ada"
    print(json.dumps({"cookie": client.cookies["sessionid"].value, "user": str(user.pk), "password": user.password}))  # noqa: T201 # its answer


def index(request: Any) -> Any:  # noqa: ANN401 # see above
    request.session["cart"] = ["funghi", "diavola"] * 20
    return django("http").HttpResponse(request.user.username)


class Pickled:
    """The `PickleSerializer` that Django had until 5.0."""

    def dumps(self, obj: object) -> bytes:
        return pickle.dumps(obj, pickle.HIGHEST_PROTOCOL)

    def loads(self, data: bytes) -> object:
        return pickle.loads(data)  # noqa: S301 # its own


if __name__ == "__main__":
    main()
else:
    urlpatterns = [django("urls").path("", index)]
