"""The little app in Django. Its settings are one for the process, so the pages are too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import django_settings  # noqa: F401 - before anything of Django
from django.conf import settings
from django.contrib import messages
from django.core.handlers.wsgi import WSGIHandler
from django.http import FileResponse, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.test.utils import override_settings
from django.urls import path
from django.views.decorators.http import etag, require_safe


class Urls:
    """What Django takes for a module of URLs."""

    urlpatterns: list[Any] = []  # noqa: RUF012 - Django's interface


def build(views: Any, *, lets_errors_out: bool = False) -> Callable[..., Any]:
    if not Urls.urlpatterns:
        _configure(views)
    handler = WSGIHandler()

    def raising(environ, start_response):
        with override_settings(DEBUG_PROPAGATE_EXCEPTIONS=True):
            return handler(environ, start_response)

    return raising if lets_errors_out else handler


def _configure(views: Any) -> None:
    settings.ROOT_URLCONF = Urls
    Urls.urlpatterns = [
        *(path(name[1:], _texting(view)) for name, view in views.PAGES.items()),
        *(path(name[1:], _streaming(stream)) for name, stream in views.STREAMS.items()),
        path("fail", _texting(views.fail)),
        *_own_pages(views),
        path("own", own),
        path("notice", notice),
        path("notices", notices),
    ]


def _texting(view: Any) -> Any:
    return lambda request: HttpResponse(view())


def _streaming(stream: Any) -> Any:
    return lambda request: StreamingHttpResponse(stream(request.META), content_type="text/plain")


def _own_pages(views: Any) -> list[Any]:
    tagged = etag(lambda request: views.ETAG)(lambda request: HttpResponse("tagged"))
    return [
        path("plain", require_safe(lambda request: HttpResponse("plain"))),
        path("empty", lambda request: HttpResponse(status=204)),
        path("redirect", lambda request: HttpResponseRedirect("/plain")),
        path("file", lambda request: FileResponse(views.FILE.open("rb"))),
        path("form", lambda request: HttpResponse(request.POST["word"])),
        path("tagged", tagged),
    ]


def own(request):
    request.session["own"] = request.session.get("own", 0) + 1
    return HttpResponse(str(request.session["own"]))


def notice(request):
    messages.info(request, "noted")
    return HttpResponse("ok")


def notices(request):
    return HttpResponse(" ".join(str(message) for message in messages.get_messages(request)))
