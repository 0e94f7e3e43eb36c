"""What all layers have in common, and how those that observe see an answer given outside them."""

from wsgikit.layer import Layer, observed


class Seeing(Layer):
    """Writes its label down, and that of the app inside as it was then."""

    observes = True

    def __init__(self, app, label="seeing"):
        super().__init__(app)
        self.label = label

    def __call__(self, environ, start_response):
        environ["seen"].append(self.label)
        return self.call_app(environ, start_response)


class Blind(Seeing):
    observes = False


def app(environ, start_response):
    environ["seen"].append("app")
    return [b"app"]


def answer(environ, start_response):
    environ["seen"].append("answer")
    return [b"answer"]


def seen(application):
    environ = {"seen": []}
    application(environ, None)
    return environ["seen"]


def test_layers_that_observe_see_the_answer_in_their_order():
    chain = Seeing(Seeing(app, "second"), "first")
    assert seen(observed(answer, chain)) == ["first", "second", "answer"]


def test_layers_behind_one_that_does_not_observe_see_nothing():
    assert seen(observed(answer, Seeing(Blind(Seeing(app))))) == ["seeing", "answer"]
    assert seen(observed(answer, Blind(Seeing(app)))) == ["answer"]
    assert seen(observed(answer, app)) == ["answer"]


def test_layers_in_the_chain_stay_as_they_are():
    chain = Seeing(Seeing(app, "second"), "first")
    observed(answer, chain)({"seen": []}, None)
    assert seen(chain) == ["first", "second", "app"]


def test_app_that_was_replaced_in_a_layer_is_left_out_too():
    chain = Seeing(app, "first")
    chain.app = Seeing(app, "replaced")
    assert seen(observed(answer, chain)) == ["first", "replaced", "answer"]


def test_what_a_tool_has_put_before_the_app_is_left_out_too():
    chain = Seeing(Seeing(app, "second"), "first")
    chain.call_app = app
    assert seen(observed(answer, chain)) == ["first", "second", "answer"]
    assert seen(chain) == ["first", "app"]
