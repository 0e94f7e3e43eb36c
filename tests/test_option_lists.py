"""Options that are lists of texts."""

import pytest

from wsgikit.errors import ConfigurationError
from wsgikit.option_lists import list_of


@pytest.mark.parametrize(
    "given", [["a", "b"], ("a", "b"), {"a", "b"}, iter("ab"), dict.fromkeys("ab")]
)
def test_several_texts_are_taken(given):
    assert list_of("letters", given, "a") == {"a", "b"}


@pytest.mark.parametrize("given", [[], ()])
def test_none_at_all_is_a_list_too(given):
    assert list_of("letters", given, "a") == set()


def test_one_text_is_put_into_a_list_by_the_message():
    with pytest.raises(ConfigurationError, match=r"^'ab' is no list of words.\n\nWrite \['ab'\].$"):
        list_of("words", "ab", "x")


@pytest.mark.parametrize("given", [None, 5, b"ab", [1], ["a", None]])
def test_anything_else_is_named_with_an_example(given):
    with pytest.raises(ConfigurationError, match=r"is no list of words.\n\nWrite \['x'\].$"):
        list_of("words", given, "x")
