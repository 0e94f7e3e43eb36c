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
        ("keyword=x&author=y&zipcode=z&spin=1", "keyword=x&author=y&zipcode=z&spin=1"),
        ("mytokens=x&clientsecret=y", "mytokens=***&clientsecret=***"),
        ("api_key=x&api-key=y&APIKEY=z", "api_key=***&api-key=***&APIKEY=***"),
        ("next=/a&a=/b?c=d&e=100%", "next=/a&a=/b?c=d&e=100%"),
        ("next=/reset?token=x&a=1", "next=***&a=1"),
        ("next=%2Freset%3Ftoken%3Dx&a=1", "next=***&a=1"),
        ("next=%2Freset%3Fa%3D1%26key%3Dx", "next=***"),
        ("next=%252Freset%253Ftoken%253Dx", "next=***"),
        ("next=%25252Freset%25253Ftok%252565n%25253Dx", "next=***"),
        ("next=https%3A%2F%2Fa%2Fb%23access_token%3Dx", "next=***"),
        ("%2Freset%3Ftoken%3Dx", "***"),
        ("%2Freset%3Ftoken%3Dx=y", "***"),
        ("&&=x&", "&&=x&"),
    ],
)
def test_query(query, shown):
    assert Redaction(SECRETS).query(query) == shown


def test_own_names_count_instead():
    redaction = Redaction(["Account_Number"])
    assert redaction.query("account_number=1&token=2") == "account_number=***&token=2"


def test_short_names_of_ones_own_count_as_whole_words():
    redaction = Redaction(["iban", "p_2"])
    assert redaction.query("myIban=1&urbane=2&P_2=3") == "myIban=***&urbane=2&P_2=***"


def test_no_names_hide_nothing():
    assert Redaction([]).query("token=1&=2") == "token=1&=2"


def test_value_is_known_however_often_it_was_encoded():
    query = f"next=%{'25' * 1000}3Ftoken%{'25' * 1000}3Dx"
    assert Redaction(SECRETS).query(query) == "next=***"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", ""),
        ("https://example.org/a?token=x&b=1", "https://example.org/a?token=***&b=1"),
        ("https://example.org/a#token=x&b=1", "https://example.org/a#token=***&b=1"),
        ("https://example.org/a#b?token=x", "https://example.org/a#b?token=***"),
        ("https://example.org/a?b=1#token=x", "https://example.org/a?b=***"),
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
