# SPDX-License-Identifier: GPL-2.0-or-later
"""The board of an anchor, open in a browser."""
from . import web
from .browser import Browser, Missing
from .testing import Skip, check, equal

URL = "http://127.0.0.1:%d/" % web.PORT
CARD = "document.querySelector('.card[data-key=\"main %s\"]')"
LIVE = "document.body.dataset.live === 'yes'"


def start(s, token="act", **changes):
    anchor = s.anchor(http=web.CONFIG, **changes)
    try:
        browser = Browser(s.stage)
        browser.do("open", url=URL, token=web.TOKENS[token])
    except Missing as why:
        raise Skip(str(why)) from None
    browser.wait(LIVE)
    return anchor, browser


def card(number):
    return CARD % number


def nothing_foreign(browser):
    said = browser.do("said")
    foreign = [u for u in said["requests"] if not u.startswith((URL, "data:"))]
    equal(foreign, [], "requests to another host")
    check(len(said["requests"]) >= 3, "no requests were seen at all")
    return said["errors"]


def selector(number):
    return '.card[data-key="main %s"]' % number
