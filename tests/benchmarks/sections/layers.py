"""What each layer of the standard chain costs, and one more that does nothing."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from wsgiref.types import WSGIApplication

from wsgikit import App, Pipeline
from wsgikit.middleware import standard_pipeline

from ..peers import falcon_peer
from ..peers.secret import SECRET
from ..results import Ratio, Section
from ..timing import Rounds, rounds_of, serving, take_turns
from ..visitor import make_environ
from ..workloads import HELLO_NEW, check

ROUNDS = 200
EXTRA = 20
PASS_THROUGH = "one more layer that passes through"
NOTES = [
    "The chain is built up inwards from the context layer, around the router. Each layer is there "
    "and has nothing to do: no hooks, no providers, no session touched. The pass-through layer is "
    "a class whose `__call__` calls the app inside."
]


class PassThrough:
    """The least that a layer can be."""

    def __init__(self, app, /):
        self.app = app

    def __call__(self, environ, start_response):
        return self.app(environ, start_response)


def make_app() -> App:
    app = App("layers", config={"SECRET_KEY": SECRET})
    app.get("/")(lambda: "Hello, World!")
    return app


def built_up() -> dict[str, WSGIApplication]:
    """Chains of one layer, of two … by the name of the layer that came last, all around a router.

    The context layer is the outermost, so that each further one comes inside.
    """
    chains = {}
    count = len(list(standard_pipeline(make_app())))
    for length in range(1, count + 1):
        app = make_app()
        pipeline = Pipeline()
        for entry in list(standard_pipeline(app))[:length]:
            pipeline.use(entry.cls, *entry.args, **entry.options)
        chains[entry.name] = pipeline.run(app)
    return chains


def with_pass_through(layers: int) -> WSGIApplication:
    app = make_app()
    pipeline = standard_pipeline(app)
    for _ in range(layers):
        pipeline.use(PassThrough)
    return pipeline.run(app)


def measure(scale: float) -> Section:
    candidates = {
        **built_up(),
        "more": with_pass_through(EXTRA),
        "falcon": falcon_peer.hello,
    }
    for app in candidates.values():
        check(HELLO_NEW, app, cookie="")
    environ = make_environ("/")
    batches = {name: serving(app, environ) for name, app in candidates.items()}
    return describe(take_turns(batches, rounds_of(ROUNDS, scale)))


def describe(rounds: Rounds) -> Section:
    section = Section("layers", "One layer more", "µs a request", notes=NOTES)
    names = [name for name in rounds.seconds if name not in ("more", "falcon")]
    section.figures[f"{names[0]} and the router"] = rounds.microseconds(names[0])
    for before, name in pairwise(names):
        section.figures[f"+ {name}"] = rounds.extra(name, before)
    one = partial(rounds.extra, "more", names[-1], parts=EXTRA)
    section.figures[PASS_THROUGH] = one()
    section.ratios[f"{PASS_THROUGH} / falcon"] = Ratio(one(of="falcon"))
    return section
