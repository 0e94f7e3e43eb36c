"""The little app in Pyramid, with a session factory of its own."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPFound, HTTPInternalServerError, HTTPNoContent
from pyramid.response import FileResponse, Response
from pyramid.session import SignedCookieSessionFactory


def build(views: Any, *, lets_errors_out: bool = False) -> Any:
    config = Configurator(session_factory=SignedCookieSessionFactory("Pyramid's own key"))
    for path, view in views.PAGES.items():
        _add(config, path, _texting(view), methods=("GET", "POST"))
    for path, stream in views.STREAMS.items():
        _add(config, path, _streaming(stream))
    _add(config, "/fail", _texting(views.fail))
    _add_own_pages(config, views)
    _add_own_session(config)
    if not lets_errors_out:
        config.add_exception_view(lambda request: HTTPInternalServerError(), context=LookupError)
    return config.make_wsgi_app()


def _add(config: Configurator, path: str, view: Any, methods: Any = "GET") -> None:
    config.add_route(path, path)
    config.add_view(view, route_name=path, request_method=methods)


def _texting(view: Any) -> Any:
    return lambda request: Response(view())


def _streaming(stream: Any) -> Any:
    return lambda request: Response(app_iter=stream(request.environ), content_type="text/plain")


def _add_own_pages(config: Configurator, views: Any) -> None:
    def tagged(request):
        return Response("tagged", etag=views.ETAG.strip('"'), conditional_response=True)

    _add(config, "/plain", lambda request: Response("plain"))
    _add(config, "/empty", lambda request: HTTPNoContent())
    _add(config, "/redirect", lambda request: HTTPFound("/plain"))
    _add(config, "/file", lambda request: FileResponse(str(views.FILE), request))
    _add(config, "/form", lambda request: Response(request.POST["word"]), methods="POST")
    _add(config, "/tagged", tagged)


def _add_own_session(config: Configurator) -> None:
    def own(request):
        request.session["own"] = request.session.get("own", 0) + 1
        return Response(str(request.session["own"]))

    def notice(request):
        request.session.flash("noted")
        return Response("ok")

    def notices(request):
        return Response(" ".join(request.session.pop_flash()))

    _add(config, "/own", own)
    _add(config, "/notice", notice)
    _add(config, "/notices", notices)
