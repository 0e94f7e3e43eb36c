"""Which requests a layer lets pass."""

import pytest

from wsgikit.errors import ConfigurationError
from wsgikit.exclusion import make_exclusion


@pytest.mark.parametrize(
    ("script_name", "path", "is_excluded"),
    [
        ("", "/probe", True),
        ("/probe", "", True),
        ("/a", "/b", True),
        ("", "/a/b", True),
        ("", "/probe/", False),
        ("", "/probe2", False),
        ("/x", "/probe", False),
        ("", "/", False),
    ],
)
def test_paths_are_compared_whole(script_name, path, is_excluded):
    exclusion = make_exclusion(["/probe", "/a/b"])
    assert exclusion({"SCRIPT_NAME": script_name, "PATH_INFO": path}) is is_excluded


def test_nothing_excludes_nothing():
    assert make_exclusion(())({}) is False


def test_function_is_asked():
    exclusion = make_exclusion(lambda environ: "HTTP_X_PROBE" in environ)
    assert exclusion({"HTTP_X_PROBE": "1"})
    assert not exclusion({})


def test_path_without_slash_is_refused():
    with pytest.raises(ConfigurationError, match=r"Write the whole path: '/probe'"):
        make_exclusion(["probe"])


def test_one_text_is_no_list():
    with pytest.raises(ConfigurationError, match=r"Write \['/probe'\]"):
        make_exclusion("/probe")
