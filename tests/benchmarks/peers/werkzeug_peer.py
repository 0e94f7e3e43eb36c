"""werkzeug's own parts, put together by hand. It has no session library."""

from werkzeug import Request, Response
from werkzeug.routing import Map, Rule


def index(request):
    return Response("Hello, World!", mimetype="text/html")


urls = Map([Rule("/", endpoint=index)])


@Request.application
def hello(request):
    view, values = urls.bind_to_environ(request.environ).match()
    return view(request, **values)
