"""Settings from objects, mappings, files and the environment."""

import json
import sys
import types

import pytest

from wsgikit import App, Config
from wsgikit.config import DEFAULTS
from wsgikit.errors import ConfigurationError


@pytest.fixture
def config(tmp_path):
    return Config(tmp_path, {"GIVEN": 1})


class Settings:
    KEY = "value"
    lower = "left out"
    Mixed = "left out"

    @property
    def COMPUTED(self):
        return self.KEY.upper()


def test_defaults_are_the_first_values(config):
    assert config == {"GIVEN": 1}


def test_root_path_may_be_text(tmp_path):
    (tmp_path / "config.json").write_text('{"A": 1}')
    config = Config(str(tmp_path), {})
    config.from_file("config.json")
    assert config == {"A": 1}


def test_apps_do_not_share_their_config():
    App("one").config["SECRET_KEY"] = "of one"
    assert App("two").config["SECRET_KEY"] is None
    assert DEFAULTS["SECRET_KEY"] is None


def test_from_object_takes_upper_case_attributes(config):
    config.from_object(Settings())
    assert config == {"GIVEN": 1, "KEY": "value", "COMPUTED": "VALUE"}


def test_from_object_takes_an_inherited_attribute_of_a_class(config):
    config.from_object(type("Production", (Settings,), {"KEY": "production"}))
    assert config["KEY"] == "production"


def test_from_object_takes_an_import_name(config, monkeypatch):
    module = types.ModuleType("settings_of_a_test")
    module.KEY, module.Settings = "of the module", Settings
    monkeypatch.setitem(sys.modules, module.__name__, module)
    config.from_object("settings_of_a_test")
    assert config["KEY"] == "of the module"
    config.from_object("settings_of_a_test.Settings")
    assert config["KEY"] == "value"


def test_from_object_of_an_unknown_import_name_raises(config):
    with pytest.raises(ImportError, match="no_such_module"):
        config.from_object("no_such_module.Settings")


def test_from_mapping_takes_upper_case_keys_of_both(config):
    assert config.from_mapping({"A": 1, "b": 2}, C=3, d=4) is True
    assert config == {"GIVEN": 1, "A": 1, "C": 3}


def test_from_mapping_lets_keywords_win(config):
    config.from_mapping({"A": 1}, A=2)
    assert config["A"] == 2


def test_from_mapping_without_arguments_changes_nothing(config):
    config.from_mapping()
    assert config == {"GIVEN": 1}


@pytest.mark.parametrize(
    ("name", "text"),
    [("c.toml", 'A = 1\nb = 2\n[TABLE]\nx = "é"\n'), ("c.json", '{"A":1,"b":2,"TABLE":{"x":"é"}}')],
)
def test_from_file_takes_upper_case_keys(config, tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert config.from_file(name) is True
    assert config == {"GIVEN": 1, "A": 1, "TABLE": {"x": "é"}}


def test_from_file_takes_an_absolute_path(config, tmp_path):
    config.root_path = tmp_path / "elsewhere"
    path = tmp_path / "c.json"
    path.write_text('{"A": 1}')
    config.from_file(path)
    assert config["A"] == 1


def test_from_file_takes_a_loader_of_another_format(config, tmp_path):
    (tmp_path / "c.txt").write_bytes(b"A=1")
    config.from_file("c.txt", lambda file: dict([file.read().decode().split("=")]))
    assert config["A"] == "1"


def test_from_file_prefers_the_given_loader(config, tmp_path):
    (tmp_path / "c.json").write_bytes(b"no json")
    config.from_file("c.json", load=lambda file: {"A": file.read()})
    assert config["A"] == b"no json"


@pytest.mark.parametrize("silent", [False, True])
def test_from_file_of_an_unknown_ending_says_what_to_pass(config, silent):
    with pytest.raises(ConfigurationError, match="load="):
        config.from_file("c.ini", silent=silent)


def test_from_file_of_a_missing_file_raises(config):
    with pytest.raises(FileNotFoundError):
        config.from_file("missing.toml")


def test_from_file_silently_skips_a_missing_file(config):
    assert config.from_file("missing.toml", silent=True) is False
    assert config == {"GIVEN": 1}


DEEP = b"[" * 100_000
MALFORMED = {
    "c.toml": [b"A = ", b"A = 1\nA = 2", b"A = '\xff'", b"\x00"],
    "c.json": [
        b"",
        b"{",
        b'{"A": }',
        b"\xff",
        b"[1]",
        b"[]",
        b"null",
        b'"A"',
        b"7",
        DEEP,
    ],
}


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize(
    ("name", "content"),
    [(name, each) for name in MALFORMED for each in MALFORMED[name]],
    ids=lambda value: repr(value[:20]),
)
def test_from_file_of_a_malformed_file_names_it(config, tmp_path, name, content, silent):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=name):
        config.from_file(name, silent=silent)
    assert config == {"GIVEN": 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("12", 12),
        ("[1, 2]", [1, 2]),
        ('"quoted"', "quoted"),
        ("null", None),
        ("plain text", "plain text"),
        ("", ""),
        ("007", "007"),
        ("{not json", "{not json"),
    ],
)
def test_environment_values_are_json_or_else_text(config, monkeypatch, text, value):
    monkeypatch.setenv("WSGIKIT_KEY", text)
    assert config.from_prefixed_env() is True
    assert config["KEY"] == value


def test_environment_without_the_prefix_is_left_out(config, monkeypatch):
    monkeypatch.setenv("OTHER_KEY", "1")
    monkeypatch.setenv("WSGIKITKEY", "1")
    config.from_prefixed_env()
    assert config == {"GIVEN": 1}


def test_environment_of_another_prefix_and_reader(config, monkeypatch):
    monkeypatch.setenv("MY_APP_KEY", "12")
    config.from_prefixed_env("MY_APP", loads=str)
    assert config["KEY"] == "12"


def test_environment_takes_upper_case_keys_alone(config, monkeypatch):
    monkeypatch.setenv("WSGIKIT_debug", "1")
    monkeypatch.setenv("WSGIKIT_", "1")
    config.from_prefixed_env()
    assert config == {"GIVEN": 1}


def test_two_underscores_reach_into_a_dict(config, monkeypatch):
    config["DB"] = {"URL": "old", "POOL": {"size": 1}}
    monkeypatch.setenv("WSGIKIT_DB__URL", "new")
    monkeypatch.setenv("WSGIKIT_DB__POOL__size", "5")
    monkeypatch.setenv("WSGIKIT_NEW__KEY", "1")
    config.from_prefixed_env()
    assert config["DB"] == {"URL": "new", "POOL": {"size": 5}}
    assert config["NEW"] == {"KEY": 1}


def test_nested_environment_key_replaces_what_is_no_dict(config, monkeypatch):
    config["DB"] = "text"
    monkeypatch.setenv("WSGIKIT_DB__URL", "new")
    config.from_prefixed_env()
    assert config["DB"] == {"URL": "new"}


def test_namespace_is_by_the_rest_of_the_key(config):
    config.from_mapping(MAIL_HOST="h", MAIL_PORT=25, OTHER=1)
    assert config.get_namespace("MAIL_") == {"host": "h", "port": 25}


def test_repr_shows_no_value(config):
    config["SECRET_KEY"] = "very secret"
    assert repr(config) == str(config) == "<Config with 2 keys>"


def test_json_of_an_app_config_reads_relative_to_its_root(tmp_path):
    app = App("tests")
    app.config.root_path = tmp_path
    (tmp_path / "c.json").write_text(json.dumps({"TESTING": True}))
    app.config.from_file("c.json")
    assert app.config["TESTING"] is True
