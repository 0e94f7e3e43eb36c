"""What a type checker says about views, hooks and handlers: decorators keep their types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_type

from werkzeug.exceptions import NotFound

from wsgikit import App, Blueprint, Response, after_this_request, copy_current_request_context

app = App("typing")
blueprint = Blueprint("blog", __name__, url_prefix="/blog")


@app.get("/<int:number>")
def show(number: int) -> str:
    return str(number)


@blueprint.route("/stream", methods=["POST"])
def stream() -> Iterator[str]:
    yield "x"


@app.before_request
def before() -> None: ...


@app.after_request
def after(response: Response) -> Response:
    return response


@app.teardown_request
def teardown(outcome: BaseException | None) -> None: ...


@app.errorhandler(404)
def missing(error: NotFound) -> tuple[str, int]:
    return "missing", 404


@blueprint.errorhandler(LookupError)
def failed(error: LookupError) -> str:
    return "failed"


assert_type(show(number=1), str)
assert_type(stream(), Iterator[str])
assert_type(missing(NotFound()), tuple[str, int])
show("1")  # type: ignore[arg-type]

app.register_blueprint(blueprint, url_prefix="/news", name="news")
app.register_blueprint(app)  # type: ignore[arg-type]
App("typing", debug=True)  # type: ignore[call-arg]
App(config={})  # type: ignore[call-arg]
Blueprint("blog", prefix="/blog")  # type: ignore[call-arg]
app.errorhandler("404")  # type: ignore[arg-type]


@copy_current_request_context
def work(number: int) -> str:
    return str(number)


assert_type(work(1), str)
work("1")  # type: ignore[arg-type]


@after_this_request
def later(response: Response) -> Response:
    return response


assert_type(later(Response()), Response)
