"""Which values of a query are hidden."""

import pytest

from wsgikit.errors import ConfigurationError
from wsgikit.redaction import SECRETS, Redaction


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", ""),
        ("a=1&b=2", "a=1&b=2"),
        ("token=x", "token=***"),
        ("TOKEN=x&a=1", "TOKEN=***&a=1"),
        ("a=1&access_token=x", "a=1&access_token=***"),
        ("accessToken=x", "accessToken=***"),
        ("APIKey=x", "APIKey=***"),
        ("user[password]=x", "user[password]=***"),
        ("user%5Bpassword%5D=x", "user%5Bpassword%5D=***"),
        ("pass%77ord=x", "pass%77ord=***"),
        ("a=1;token=x;b=2", "a=1;token=***;b=2"),
        ("token=x=y", "token=***"),
        ("token=", "token=***"),
        ("token", "token"),
        ("keyword=x&author=y&tokens=z", "keyword=x&author=y&tokens=z"),
        ("&&=x&", "&&=x&"),
    ],
)
def test_query(query, shown):
    assert Redaction(SECRETS).query(query) == shown


def test_own_names_count_instead():
    redaction = Redaction(["Account_Number"])
    assert redaction.query("account_number=1&token=2") == "account_number=***&token=2"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", ""),
        ("https://example.org/a?token=x&b=1", "https://example.org/a?token=***&b=1"),
        ("https://me:pass@example.org/a", "https://***@example.org/a"),
        ("https://me@example.org", "https://***@example.org"),
        ("https://example.org/@me?b=a@b", "https://example.org/@me?b=a@b"),
    ],
)
def test_url(url, shown):
    assert Redaction(SECRETS).url(url) == shown


def test_one_text_is_no_list_of_names():
    with pytest.raises(ConfigurationError, match=r"\['token'\]"):
        Redaction("token")


@pytest.mark.parametrize("name", ["sessionid", "PHPSESSID", "pass", "ticket", "SAMLResponse"])
def test_names_in_one_word_that_others_use(name):
    assert "secret-value" not in Redaction(SECRETS).query(f"{name}=secret-value")
