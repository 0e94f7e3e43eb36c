"""What the errors are, so that a handler for the usual class takes them."""

import pytest

from wsgikit import errors


@pytest.mark.parametrize(
    ("error", "usual"),
    [
        (errors.ConfigurationError, ValueError),
        (errors.PipelineError, errors.ConfigurationError),
        (errors.MissingExtraError, ImportError),
        (errors.ClientDisconnected, OSError),
        (errors.SessionError, RuntimeError),
        (errors.SessionCommitted, errors.SessionError),
        (errors.SessionTooLarge, errors.SessionError),
        (errors.SessionValueError, errors.SessionError),
        (errors.SessionValueError, TypeError),
    ],
)
def test_error_is_of_the_usual_class(error, usual):
    assert issubclass(error, usual)


def test_missing_extra_names_purpose_package_and_command():
    text = str(errors.MissingExtraError("mako", "mako", "A .mako template"))
    assert text == (
        "A .mako template needs the package 'mako', which is not installed.\n\n"
        "Install it with the extra: pip install 'wsgikit[mako]'"
    )
