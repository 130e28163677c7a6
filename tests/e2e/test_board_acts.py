#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What is done from the board, with mouse, keys and a screen reader: each act is
held against what the controller says."""
from lib import anchor as anchors
from lib.board import LIVE, card, selector, start
from lib.hearing import prompts
from lib.testing import check, equal, main, scenario
from lib.ua import from_media


@scenario
def moved_by_drag_and_by_keys(s):
    "a call is moved by dragging its card, and with keys alone; the slots follow what the server says"
    anchor, browser = start(s)
    s.peer().park("4930111111", s.caller())
    browser.wait("%s.dataset.state === 'parked'" % card(701))
    browser.do("drag", **{"from": selector(701), "to": selector(703)})
    browser.wait("%s.dataset.state === 'parked' && %s.dataset.state === 'free'" % (card(703), card(701)))
    equal(anchor.slot(703)["state"], "parked", "slot 703")
    browser.wait("document.getElementById('told').textContent.includes('701: Move – moved')")
    browser.look("%s.focus()" % card(703))
    browser.do("key", key="Enter")
    browser.wait("document.getElementById('call').open && document.activeElement.closest('#call') !== null")
    for _ in range(12):     # to the list of slots, as the tab key goes
        if browser.look("document.activeElement.id") == "moveto":
            break
        browser.do("key", key="Tab")
    equal(browser.look("document.activeElement.id"), "moveto", "where the tab key led")
    first = browser.look("document.getElementById('moveto').value")
    browser.do("key", key="ArrowDown")
    to = browser.look("document.getElementById('moveto').value")
    check(to != first, "the arrow key chose nothing")
    for _ in range(12):
        if browser.look("document.activeElement.dataset.act") == "move":
            break
        browser.do("key", key="Tab")
    browser.do("key", key="Enter")
    browser.wait("%s.dataset.state === 'parked' && %s.dataset.state === 'free'" % (card(to), card(703)))
    equal(anchor.slot(to)["state"], "parked", "slot " + to)


@scenario
def a_refused_act_changes_nothing(s):
    "an act that the server refuses is told in its words, and the card stays as it was"
    anchor, browser = start(s)
    peer = s.peer()
    peer.park("4930111111", s.caller())
    peer.park("4930111112", s.caller())
    browser.wait("%s.dataset.state === 'parked'" % card(702))
    browser.do("drag", **{"from": selector(701), "to": selector(702)})     # not free: no drop
    browser.look("act('move', slots.get('main 701'), { to: '702' })")
    browser.wait("document.querySelector('#told .bad')?.textContent.startsWith('701: Move – ')")
    equal([browser.look("%s.dataset.state" % card(n)) for n in (701, 702)], ["parked"] * 2, "the cards")
    equal([anchor.slot(n)["state"] for n in (701, 702)], ["parked"] * 2, "the slots")


@scenario
def step_in_from_the_board(s):
    "step in: the phone rings, the two talk, and when it hangs up the caller waits in the slot again"
    anchor, browser = start(s)
    peer, caller, phone = s.peer(), s.caller(), s.phone()
    peer.park("4930111111", caller)
    browser.wait("%s.dataset.state === 'parked'" % card(701))
    browser.do("click", selector=selector(701))
    browser.do("click", selector='#acts [data-act="step-in"]')
    call = peer.expect_call("1001", 5, phone)
    call.ring()
    call.accept()
    browser.wait("%s.dataset.state === 'claimed'" % card(701))
    caller.play()
    phone.play()
    phone.wait_packets(10, 5, match=from_media(caller))
    caller.wait_packets(10, 5, match=from_media(phone))
    call.bye()
    browser.wait("%s.dataset.state === 'parked'" % card(701))
    equal(anchor.slot(701)["state"], "parked", "slot 701")


@scenario
def paged_from_the_board(s):
    "page: the call is called out on the phones of its zone, and the board tells what the server says of it"
    zone = [{"name": "yard", "phones": [{"uri": "sip:1005@pbx.example.com"}]}]
    _, browser = start(s, paging=zone, audio__prompts=prompts(), audio__codecs=["PCMA"])
    peer, phone = s.peer(), s.phone(pt=8)
    media = s.caller(pt=8)
    peer.park("4930111111", media, sdp=media.sdp(codecs=(8,)))
    browser.wait("%s.dataset.state === 'parked'" % card(701))
    browser.do("click", selector=selector(701))
    browser.do("click", selector='#acts [data-act="page"]')
    call = peer.expect_call("1005", 10, phone)
    equal(call.transaction.request.get("call-info"), "<sip:park.example.com>;answer-after=0", "Call-Info")
    browser.wait("document.getElementById('told').textContent.includes('701: Page – ')")
    check(browser.look("document.querySelector('#told .bad')") is None, "the board tells a failure")
    call.accept(phone.sdp(codecs=(8,)))
    phone.wait_packets(50, 10)
    call.wait("bye", 20)
    browser.wait("document.getElementById('told').textContent.includes('zone yard: 1 of 1 reached')")
    equal(browser.look("%s.dataset.state" % card(701)), "parked", "the card")


@scenario
def alerts_are_told(s):
    "an alert is told on the board, marks the card of who waits too long, and the mark goes with the wait"
    anchor, browser = start(s, lot__alerts={"waiting_s": 1})
    peer = s.peer()
    peer.park("4930111111", s.caller(), display="Carla Caller")
    browser.wait("document.getElementById('told').textContent.includes('701: the caller has waited for 1 s')")
    equal(browser.look("%s.classList.contains('late')" % card(701)), True, "the mark")
    browser.wait("document.getElementById('spoken').textContent.includes('701, the caller has waited for 1 s')")
    equal(peer.call("701", "1002", s.phone()).status(), 200, "the pick-up")
    browser.wait("%s.dataset.state === 'free' && !%s.classList.contains('late')" % (card(701), card(701)))


@scenario
def filters(s):
    "the board shows one lot, one agent or only calls when asked to, and says when none is left"
    lot = dict(anchors.CONFIG["lots"][0])
    other = dict(lot, name="other", park="800", slots="801-803", labels={"801": "Other"}, park_prefix="*58",
                 pickup_prefix="*78")
    _, browser = start(s, lots=[lot, other])
    peer = s.peer()
    peer.park("4930111111", s.caller(), display="Amira", parker="1001")
    peer.park("4930111112", s.caller(), display="Jonas", parker="1002", to="800")
    browser.wait("document.getElementById('waiting').textContent === '2'")
    seen = "[...document.querySelectorAll('.card.taken:not([hidden])')].filter(c => c.offsetParent).map(c => c.dataset.key).join()"
    equal(browser.look(seen), "main 701,other 801", "both")
    browser.do("pick", selector="#lot", value="other")
    browser.wait(seen + " === 'other 801'")
    browser.do("pick", selector="#lot", value="")
    browser.do("type", selector="#agent", text="1001")
    browser.wait(seen + " === 'main 701'")
    browser.do("type", selector="#agent", text="jonas")
    browser.wait(seen + " === 'other 801'")
    browser.do("pick", selector="#lot", value="main")
    browser.wait(seen + " === '' && !document.getElementById('none').hidden")


@scenario
def a_screen_reader_hears(s):
    "every card, button and figure has a role and a name, and what happens is said in a live region"
    _, browser = start(s)
    s.peer().park("4930111111", s.caller(), display="Carla Caller")
    browser.wait("%s.dataset.state === 'parked'" % card(701))
    nameless = browser.look("""[...document.querySelectorAll('button, input, select, a, [tabindex], dialog, svg')].filter(e =>
        e.offsetParent && !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.textContent.trim() ||
        e.labels?.length || e.title)).map(e => e.outerHTML.slice(0, 80))""")
    equal(nameless, [], "elements without a name")
    tree = browser.do("tree")
    for words in ("701, Sales, parked, Carla Caller", '"toolbar"', '"log"', '"status"', '"button"'):
        check(words in tree, "%s is not in\n%s" % (words, tree))
    equal(browser.look("document.documentElement.lang"), "en", "the language")
    equal(browser.look("[...document.querySelectorAll('[role=status], [role=log], [role=alert]')].length >= 3"), True,
          "live regions")


@scenario
def abandoned_calls_fade(s):
    "a caller who hangs up stays on the board for some seconds, fading, and is told as hung up"
    _, browser = start(s)
    call = s.peer().park("4930111111", s.caller(), display="Pat Gone")
    browser.wait("%s.dataset.state === 'parked'" % card(701))
    call.bye()
    browser.wait("%s.querySelector('.ghost')?.textContent.includes('Pat Gone')" % card(701), 5)
    equal(browser.look("%s.dataset.state" % card(701)), "free", "the slot under it")
    equal(browser.look("getComputedStyle(%s.querySelector('.ghost')).animationName" % card(701)), "fade", "it fades")
    browser.wait("!%s.querySelector('.ghost')" % card(701), 20)


@scenario
def history_outlives_the_controller(s):
    "the charts come from the records of calls: they are the same after the controller is killed"
    anchor, browser = start(s)
    peer = s.peer()
    peer.park("4930111111", s.caller()).bye()
    anchor.wait_slot(701, "free")
    peer.park("4930111112", s.caller())
    equal(peer.call("701", "1002", s.phone()).status(), 200, "the pick-up")
    shown = "[...document.querySelectorAll('#charts figcaption span')].map(e => e.textContent).join()"
    want = "2 in 24 hours,of the calls parked in each hour,2 in 24 hours"
    browser.wait("window.asked ||= setInterval(() => charts(), 300)")
    browser.do("click", selector="#history")
    browser.wait(shown + " === '%s'" % want)
    anchor.kill()
    browser.wait("document.body.dataset.live === 'no'")
    anchor.again()
    browser.wait(LIVE, 20)
    browser.look("charts()")
    browser.wait(shown + " === '%s'" % want)


if __name__ == "__main__":
    raise SystemExit(main())
