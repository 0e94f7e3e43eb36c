"""wsgikit routes."""

import pytest

SITE = """
from wsgikit import App, Blueprint

app = App("shop", config={"SERVER_NAME": "example.org"})

@app.get("/zoo")
def animals(): ...

@app.route("/<path:rest>", methods=["GET", "POST"])
def rest(rest): ...

blue = Blueprint("blue", __name__, url_prefix="/blue")

@blue.put("/")
def index(): ...

app.register_blueprint(blue)

@app.route("/api", subdomain="m")
def mobile(): ...

empty = App("empty")
"""


@pytest.fixture
def routes(write_site, run):
    site = write_site(SITE)

    def routes(*arguments, name="app"):
        result = run("routes", f"{site}:{name}", *arguments)
        assert result.exit_code == 0, result.output
        return [" ".join(line.split()) for line in result.stdout.splitlines()], result.stderr

    return routes


def test_by_endpoint(routes):
    assert routes()[0] == [
        "endpoint methods rule",
        "animals GET /zoo",
        "blue.index PUT /blue/",
        "mobile GET m|/api",
        "rest GET, POST /<path:rest>",
    ]


def test_by_rule(routes):
    endpoints = [line.split()[0] for line in routes("--sort", "rule")[0]]
    assert endpoints == ["endpoint", "rest", "mobile", "blue.index", "animals"]


def test_in_the_order_of_matching(routes):
    endpoints = [line.split()[0] for line in routes("--sort", "match")[0]]
    assert endpoints == ["endpoint", "animals", "rest", "blue.index", "mobile"]


def test_all_methods(routes):
    assert "animals GET, HEAD, OPTIONS /zoo" in routes("--all-methods")[0]


def test_app_without_routes(routes):
    assert routes(name="empty") == ([], "There are no routes.\n")
