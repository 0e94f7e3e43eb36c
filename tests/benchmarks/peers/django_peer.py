"""Django, with its sessions in signed cookies and no other middleware.

Its settings are one for the process, so this can be imported only where no other ones are.
"""

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.urls import path

from .secret import SECRET


def index(request):
    return HttpResponse("Hello, World!")


def read(request, name):
    return HttpResponse(f"{name} {request.user_name} {request.session['visits']}")


def write(request):
    request.session["visits"] = request.session.get("visits", 0) + 1
    return HttpResponse(str(request.session["visits"]))


def set_user(get_response):
    def middleware(request):
        request.user_name = "grace"
        return get_response(request)

    return middleware


urlpatterns = [path("", index), path("read/<name>", read), path("write", write)]

settings.configure(
    SECRET_KEY=SECRET,
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    LOGGING_CONFIG=None,
    USE_I18N=False,
)
django.setup()
hello = WSGIHandler()
settings.MIDDLEWARE.append(f"{__name__}.set_user")
visits = WSGIHandler()
