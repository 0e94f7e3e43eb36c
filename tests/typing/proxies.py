"""What a type checker says about proxies, contexts and the helpers around them."""

from __future__ import annotations

from typing import Any, assert_type

from wsgikit import (
    App,
    AppContext,
    Config,
    Request,
    RequestContext,
    current_app,
    g,
    get_flashed_messages,
    has_request_context,
    request,
    session,
    url_for,
)
from wsgikit.namespace import G
from wsgikit.sessions import Session

as_app: App = current_app
as_request: Request = request
as_session: Session = session
as_g: G = g

assert_type(current_app._get_current_object(), App)
assert_type(request._get_current_object(), Request)
assert_type(session._get_current_object(), Session)
assert_type(g._get_current_object(), G)

assert_type(current_app.name, str)
assert_type(current_app.config, Config)
assert_type(request.method, str)
assert_type(request.endpoint, str | None)
assert_type(request.view_args, dict[str, Any] | None)
assert_type(session.permanent, bool)
assert_type(session.user_id, str | None)
assert_type(session.key, str | None)
assert_type(session.created, float)
session.bind(7)
session.bind(None)  # type: ignore[arg-type]
assert_type(session.get("x"), Any | None)
assert_type(g.anything, Any)

_ = request.no_such_thing  # type: ignore[attr-defined]
_ = current_app.no_such_thing  # type: ignore[attr-defined]
_ = session.no_such_thing  # type: ignore[attr-defined]

assert_type(has_request_context(), bool)
assert_type(url_for("index", _anchor="x", page=2), str)
url_for("index", _anchor=1)  # type: ignore[arg-type]

assert_type(get_flashed_messages(), list[str])
assert_type(get_flashed_messages(category_filter=["error"]), list[str])
assert_type(get_flashed_messages(with_categories=True), list[tuple[str, str]])

app = App("typing", config={"TESTING": True})
assert_type(app.app_context(), AppContext)
assert_type(app.request_context({}), RequestContext)
with app.app_context() as app_context:
    assert_type(app_context, AppContext)
with app.test_request_context("/") as request_context:
    assert_type(request_context, RequestContext)
    assert_type(request_context.request, Request)
