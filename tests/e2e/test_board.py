#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The board in a real browser. Its pictures are in build/board/ afterwards, for a
person to look at."""
import os
import statistics
import time

from lib import net, web
from lib.board import LIVE, URL, card, nothing_foreign, start
from lib.browser import Browser, Missing
from lib.testing import Skip, check, equal, main, scenario
from lib.ua import from_media

def pictures(name):
    folder = os.path.join(os.environ.get("HF_BUILD", os.path.join(net.ROOT, "build")), "board")
    os.makedirs(folder, exist_ok=True)
    return os.path.join(folder, name)


@scenario
def a_parked_call_is_seen(s):
    "the board shows a parked call within 500 ms, and its end, without asking another host"
    _, browser = start(s)
    peer = s.peer()
    browser.look("""window.seen = {}; new MutationObserver(all => { for (const m of all)
        if (m.target.classList.contains("card")) seen[m.target.dataset.key + " " + m.target.dataset.state] = Date.now();
        }).observe(document.getElementById("lots"), { subtree: true, attributes: true, attributeFilter: ["data-state"] }); true""")
    took = []
    for i in range(3):
        slot = 701 + i
        call = peer.park("493011111%d" % i, s.caller(), display="Carla <b>Caller</b>")
        parked = time.time()
        browser.wait("%s.dataset.state === 'parked'" % card(slot), 5)
        took.append(browser.look("seen['main %d parked']" % slot) / 1000 - parked)
        text = browser.look("%s.textContent" % card(slot))
        check("Carla <b>Caller</b>" in text and "1001" in text, text)
    check(statistics.median(took) <= 0.5, "it took %s s" % took)
    # The count is drawn with the next frame, not with the card.
    browser.wait("document.getElementById('waiting').textContent === '3'", 5)
    call.bye()
    browser.wait("%s.dataset.state === 'free'" % card(703), 5)
    browser.wait("%s.querySelector('.ghost')?.textContent.includes('Hung up')" % card(703), 5)
    equal(nothing_foreign(browser), [], "errors in the console")


@scenario
def restart_is_said(s):
    "a dead controller makes the board say so at once, and a new one makes it live again"
    anchor, browser = start(s)
    s.peer().park("4930111111", s.caller())
    browser.wait("%s.dataset.state === 'parked'" % card(701))
    anchor.kill()
    browser.wait("document.body.dataset.live === 'no' && !document.getElementById('gone').hidden", 10)
    equal(browser.look("document.getElementById('state').textContent"), "Disconnected", "the state")
    equal(browser.look("getComputedStyle(%s.querySelector('.time')).visibility" % card(701)), "hidden",
          "the time of a call that may be gone")
    browser.do("shot", path=pictures("disconnected.png"))
    anchor.start()
    browser.wait(LIVE + " && document.getElementById('gone').hidden", 20)
    equal(browser.look("%s.dataset.state" % card(701)), anchor.slot(701)["state"], "slot 701")
    nothing_foreign(browser)


@scenario
def hung_loop_is_said(s):
    "a controller that stands still is not shown as live"
    anchor, browser = start(s)
    import signal
    os.kill(anchor.process.popen.pid, signal.SIGSTOP)
    try:
        browser.wait("document.body.dataset.live === 'no'", 15)
    finally:
        os.kill(anchor.process.popen.pid, signal.SIGCONT)
    browser.wait(LIVE, 15)


@scenario
def keys_and_words(s):
    "the board is worked with keys, and says what happens to who cannot see it"
    _, browser = start(s)
    s.peer().park("4930111111", s.caller(), display="Carla Caller")
    browser.wait("%s.dataset.state === 'parked'" % card(701))
    browser.wait("document.getElementById('spoken').textContent.includes('701, parked, Carla Caller')")
    label = browser.look("%s.getAttribute('aria-label')" % card(701))
    check("701, Sales, parked, Carla Caller" in label, label)
    browser.look("%s.focus()" % card(701))
    browser.do("key", key="ArrowRight")
    equal(browser.look("document.activeElement.dataset.key"), "main 702", "the next card")
    browser.do("key", key="ArrowLeft")
    browser.do("key", key="Enter")
    browser.wait("document.getElementById('call').open")
    browser.do("key", key="Escape")
    browser.do("key", key="c")
    browser.wait("%s.hidden && !%s.hidden" % (card(702), card(701)))
    browser.do("key", key="/")
    browser.do("type", selector="#agent", text="nobody of this name")
    browser.wait("%s.hidden && !document.getElementById('none').hidden" % card(701))
    browser.do("type", selector="#agent", text="1001")
    browser.wait("!%s.hidden" % card(701))


@scenario
def to_my_phone(s):
    "a click on to my phone makes the phone ring, and the two talk"
    anchor, browser = start(s)
    peer, caller, phone = s.peer(), s.caller(), s.phone()
    peer.park("4930111111", caller)
    browser.wait("%s.dataset.state === 'parked'" % card(701))
    browser.do("click", selector='.card[data-key="main 701"]')
    browser.do("click", selector='#acts [data-act="retrieve"]')
    call = peer.expect_call("1001", 5, phone)
    call.ring()
    call.accept()
    browser.wait("document.getElementById('told').textContent.includes('701: To my phone')")
    browser.wait("%s.dataset.state === 'free'" % card(701))
    caller.play()
    phone.play()
    phone.wait_packets(10, 5, match=from_media(caller))
    caller.wait_packets(10, 5, match=from_media(phone))
    equal(anchor.calls()[0]["state"], "relay", "the call")


@scenario
def move_and_kick(s):
    "a call is moved and ended from the board, and a refusal is shown in the controller's words"
    anchor, browser = start(s)
    peer = s.peer()
    call = peer.park("4930111111", s.caller())
    browser.wait("%s.dataset.state === 'parked'" % card(701))
    browser.do("click", selector='.card[data-key="main 701"]')
    browser.look("document.getElementById('moveto').value = '704'")
    browser.do("click", selector='#acts [data-act="move"]')
    browser.wait("%s.dataset.state === 'parked' && %s.dataset.state === 'free'" % (card(704), card(701)))
    equal(anchor.slot(704)["state"], "parked", "slot 704")
    browser.do("click", selector='.card[data-key="main 704"]')
    browser.do("click", selector='#acts [data-act="kick"]')
    equal(anchor.slot(704)["state"], "parked", "slot 704 before the second click")
    browser.look("window.old = slots.get('main 704')")
    browser.do("click", selector='#acts [data-act="kick"]')
    call.wait("bye")
    browser.wait("%s.dataset.state === 'free'" % card(704))
    browser.look("act('move', { row: { slot: '704', call: 99999 } }, { to: '702' })")
    browser.wait("document.querySelector('#told .bad')?.textContent.includes('call 99999')")
    nothing_foreign(browser)


@scenario
def lookers_cannot_act(s):
    "a token that may only look is offered no act"
    _, browser = start(s, token="view")
    s.peer().park("4930111111", s.caller())
    browser.wait("%s.dataset.state === 'parked'" % card(701))
    browser.do("click", selector='.card[data-key="main 701"]')
    browser.wait("document.getElementById('call').open")
    equal(browser.look("document.querySelectorAll('#acts button').length"), 0, "acts offered")


@scenario
def token_is_asked_for(s):
    "without a token the board asks for one, and a wrong one does not open it"
    s.anchor(http=web.CONFIG)
    try:
        browser = Browser(s.stage)
        browser.do("open", url=URL)
    except Missing as why:
        raise Skip(str(why)) from None
    browser.wait("document.getElementById('login').open")
    equal(browser.look("document.querySelectorAll('.card').length"), 0, "slots shown to a stranger")
    browser.do("type", selector="#token", text="a-wrong-token-of-somebody")
    browser.do("key", key="Enter")
    browser.wait("document.getElementById('login').open && document.getElementById('loginsaid')"
                 ".textContent.includes('does not open')")
    browser.do("type", selector="#token", text=web.TOKENS["view"])
    browser.do("key", key="Enter")
    browser.wait(LIVE)


@scenario
def many_slots_stay_smooth(s):
    "2,000 slots are shown, and a change is drawn within a frame or few"
    _, browser = start(s, lot__slots="7001-8999", lot__labels={"7001": "First"})
    equal(browser.look("document.querySelectorAll('.card').length"), 1999, "cards")
    longest = browser.look("""(async () => {
        const rows = [...slots.values()].map(s => s.row); let most = 0;
        for (let round = 0; round < 60; round++) {
            const begin = performance.now();
            for (let i = 0; i < 4; i++) { const r = rows[(round * 37 + i * 501) % rows.length];
                take("slot", { ...r, state: "parked", call: 1, caller_name: "N" + round, seconds_parked: 3, seconds_to_recall: 80, parker: "sip:1001@x" }); }
            await new Promise(requestAnimationFrame); most = Math.max(most, performance.now() - begin);
        } return most; })()""")
    check(longest < 1000, "a frame took %.0f ms" % longest)
    browser.do("shot", path=pictures("many.png"))


@scenario
def pictures_for_people(s):
    "pictures of the board in light, dark, phone width and as wallboard are written to build/board"
    anchor, browser = start(s, lot__slots="701-716", lot__timeout_s=6,
                            lot__recall={"ring_s": 60, "attempts": 1, "finally": "repeat"},
                            lot__labels={"701": "Sales", "702": "Warehouse", "705": "Support"})
    peer = s.peer()
    for i, name in enumerate(("Amira Haddad", "Jonas Lindqvist", "", "Ngozi Okafor")):
        peer.park("4930200%04d" % (17 * i), s.caller(), display=name, parker=str(1001 + i))
    peer.expect_call("1001", 20).ring()
    anchor.wait_slot(701, "recalling", 10)
    peer.park("49301234567", s.caller(), display="Mei Tanaka", parker="1002")
    peer.park("49301230000", s.caller(), display="Hidden", parker="1003", headers=(("Privacy", "id"),))
    gone = peer.park("4930999", s.caller(), display="Pat Gone", parker="1003")
    gone.bye()
    anchor.wait_slot(707, "free")
    how = dict(url=URL, token=web.TOKENS["act"])
    for name, more in (("light", {}), ("dark", {"scheme": "dark"}),
                       ("phone", {"width": 390, "height": 844}),
                       ("phone-dark", {"width": 390, "height": 844, "scheme": "dark"}),
                       ("wallboard", {"width": 1920, "height": 1080, "scheme": "dark", "url": URL + "?wall"})):
        browser.do("open", **dict(how, **more))
        browser.wait(LIVE)
        browser.wait("%s.dataset.state === 'recalling'" % card(701))
        browser.do("shot", path=pictures(name + ".png"))
        wide = browser.look("document.documentElement.scrollWidth - innerWidth")
        check(wide <= 0, "%s scrolls sideways by %d pixels" % (name, wide))
    browser.do("open", **how)
    browser.wait(LIVE)
    browser.do("click", selector="#history")
    browser.wait("document.querySelectorAll('#charts svg').length === 3")
    browser.do("shot", path=pictures("history.png"))
    for name in ("light", "dark", "phone", "wallboard", "history"):
        check(os.path.getsize(pictures(name + ".png")) > 5000, name + ".png is empty")
    nothing_foreign(browser)


if __name__ == "__main__":
    raise SystemExit(main())
