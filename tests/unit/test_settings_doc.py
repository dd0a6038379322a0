"""The page about settings says what the settings are."""

from banyan_tools.settings_doc import PAGE, page


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "docs/settings.md is out of date: run `make settings`"
