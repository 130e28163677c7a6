#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Webhooks against a scripted receiver that is slow, dead, wrong or overloaded:
what arrives, in which order, how often, and that no call waits for it."""
import json
import os
import re
import socket
import time

from lib import anchor as anchors, net, web
from lib.net import wait_for
from lib.receiver import Receiver, authority
from lib.testing import check, equal, main, scenario
from lib.web import Web

OUTSIDE = "4930111111"
PORT = 8081
URL = "http://%s:%d/T0/path-that-is-a-secret" % (net.PBX, PORT)
SECRET = "the-secret-of-this-test"


def hook(**changes):
    return dict({"name": "team", "url": URL, "cleartext": True}, **changes)


def start(s, *hooks, **changes):
    return s.anchor(webhooks=list(hooks or [hook()]), **changes)


def show(anchor, name="team"):
    return anchor.ctl("webhook", "show", name)


def park_and_pick_up(s, peer, caller=OUTSIDE, slot="701"):
    peer.park(caller, s.caller(), display="Carla <Caller>")
    call = peer.call(slot, "1002", s.phone())
    equal(call.status(), 200, "the pick-up")
    return call


@scenario
def events_arrive_signed(s):
    "a call's events reach a webhook in their order, signed, each once, with the keys of the event"
    receiver = Receiver(s.stage, PORT)
    anchor = start(s, hook(secret=SECRET, authorization="Bearer of-this-test"))
    call = park_and_pick_up(s, s.peer())
    call.bye()
    receiver.arrive("ended")
    seen = receiver.requests
    equal([r.event for r in seen], ["parked", "retrieved", "ended"], "the order")
    equal(len({r.id for r in seen}), 3, "ids")
    for r in seen:
        check(r.signed_by(SECRET), "the signature of %s" % r.event)
        check(not r.signed_by("another secret"), "any secret fits")
        equal(r.headers["Authorization"], "Bearer of-this-test", "authorization")
        equal(r.headers["Content-Type"], "application/json", "the type")
        equal(r.headers["Holdfast-Attempt"], "1", "the attempt")
        equal(r.headers["Holdfast-Instance"], anchor.instance, "the instance")
    parked = seen[0].json()
    equal((parked["event"], parked["slot"], parked["caller_number"], parked["caller_name"]),
          ("parked", "701", OUTSIDE, "Carla <Caller>"), "the event")
    wait_for(lambda: show(anchor)["delivered"] == 3, 5, "three are delivered")
    equal([d["state"] for d in show(anchor)["deliveries"]], ["delivered"] * 3, "states")


@scenario
def filters_and_words(s):
    "filters choose events and lots, and Slack and Teams get a sentence without foreign markup"
    receiver = Receiver(s.stage, PORT)
    lot = anchors.CONFIG["lots"][0]
    lots = [lot, dict(lot, name="other", park="800", slots="801-805", labels={"801": "Other"},
                      park_prefix="*58", pickup_prefix="*78")]
    base = URL.rsplit("/", 2)[0]
    start(s, hook(name="slack", url=base + "/slack", format="slack", events=["parked"], lots=["main"],
                  text="*{slot}*: {caller_name} ({caller_number})"),
          hook(name="teams", url=base + "/teams", format="teams", events=["retrieved"]),
          hook(name="other", url=base + "/other", lots=["other"]), lots=lots)
    park_and_pick_up(s, s.peer())
    receiver.wait(lambda done: len(done) >= 2)
    by_path = {r.path: r for r in receiver.requests}
    equal(sorted(by_path), ["/slack", "/teams"], "who was told")
    equal(by_path["/slack"].json(), {"text": "*701*: Carla &lt;Caller&gt; (%s)" % OUTSIDE}, "Slack")
    card = by_path["/teams"].json()["attachments"][0]["content"]
    equal((card["type"], card["body"][0]["type"]), ("AdaptiveCard", "TextBlock"), "Teams")
    check({"title": "Caller", "value": "Carla <Caller\\>"} in card["body"][1]["facts"], card)


@scenario
def privacy(s):
    "a caller who wants privacy is told of without name and number, but to a trusted receiver"
    receiver = Receiver(s.stage, PORT)
    start(s, hook(events=["parked"]), hook(name="trusted", url=URL + "/trusted", events=["parked"],
                                           trusted=True))
    s.peer().park(OUTSIDE, s.caller(), display="Secret Caller", headers=(("Privacy", "id"),))
    both = {r.path.endswith("/trusted"): r.body.decode() for r in receiver.arrive("parked", 2)}
    check(OUTSIDE not in both[False] and "Secret" not in both[False], both[False])
    check(OUTSIDE in both[True] and "Secret Caller" in both[True], both[True])


@scenario
def a_dead_receiver_delays_nothing(s):
    "with a receiver that is dead or does not answer, calls park as ever, and all arrives when it is back"
    dead = Receiver(s.stage, PORT)
    dead.stop()
    slow = Receiver(s.stage, PORT + 1)
    slow.gate.clear()
    anchor = start(s, hook(), hook(name="slow", url=URL.replace(str(PORT), str(PORT + 1)), timeout_s=60))
    peer = s.peer()
    for i in range(4):
        equal(peer.call("701", "1002", s.phone()).status(5), 404, "an empty slot")
        call = park_and_pick_up(s, peer, OUTSIDE + str(i))
        call.bye()
        anchor.wait_slot(701, "free")
    wait_for(lambda: show(anchor)["failing"] and show(anchor)["waiting"] == 16, 10, "16 wait")
    state = show(anchor)
    check("onnect" in state["failure"], state["failure"])
    slow.begun(1)
    equal(len([d for d in show(anchor, "slow")["deliveries"] if d["state"] == "sending"]), 4,
          "under way to the slow one")
    dead.start()
    slow.gate.set()
    for receiver in (dead, slow):
        receiver.arrive("ended", 4, 30)
        receiver.arrive("refused", 4, 30)
        for call in {r.json()["call"] for r in receiver.requests} - {0}:
            equal([r.event for r in receiver.requests if r.json()["call"] == call],
                  ["parked", "retrieved", "ended"], "the order of call %d" % call)
    log = anchor.process.text()
    check("path-that-is-a-secret" not in log, "the log shows the URL")
    check(len(re.findall("webhook team: .*tried again", log)) == 1, "told more than once, or never")
    check("takes deliveries again" in log, "its return is not told")


@scenario
def errors_are_tried_again(s):
    "500 is tried again later and later, Retry-After is kept, a redirection is not followed, 400 is given up"
    receiver = Receiver(s.stage, PORT)
    elsewhere = Receiver(s.stage, PORT + 1)
    script = iter([500, (429, {"Retry-After": "3"}), (307, {"Location": "http://%s:%d/" % (net.PBX, PORT + 1)}),
                   None])
    receiver.answer = lambda request: next(script, 200)
    anchor = start(s, hook(events=["parked"]))
    peer = s.peer()
    peer.park(OUTSIDE, s.caller())
    done = receiver.arrive("parked", 1, 40)
    tries = receiver.requests
    # libcurl itself asks again at once when a kept connection turns out dead.
    equal(sorted({t.headers["Holdfast-Attempt"] for t in tries})[:4], ["1", "2", "3", "4"], "attempts")
    equal(len({t.id for t in tries}), 1, "ids")
    equal(done[0].body, tries[0].body, "the body")
    check(tries[1].at - tries[0].at >= 0.5, "tried again after %.2f s" % (tries[1].at - tries[0].at))
    check(tries[2].at - tries[1].at >= 3, "Retry-After: %.2f s" % (tries[2].at - tries[1].at))
    equal(elsewhere.requests, [], "requests at the other place")
    receiver.answer = lambda request: 400
    peer.park(OUTSIDE + "1", s.caller())
    state = wait_for(lambda: show(anchor)["failed"] == 1 and show(anchor), 10, "it is given up")
    equal((state["deliveries"][0]["state"], state["deliveries"][0]["answer"]), ("failed", "answered 400"),
          "the delivery")
    receiver.answer = lambda request: 200
    equal(anchor.ctl("webhook", "retry", "team")["deliveries"], 1, "tried again by hand")
    receiver.arrive("parked", 2)
    wait_for(lambda: show(anchor)["failed"] == 0, 5, "none is given up")
    check("next_try" not in anchor.ctl("webhook", "list", json_=False), "text")


@scenario
def a_body_it_cannot_take(s):
    "a delivery that always fails keeps its own call's later ones, and nobody else's"
    receiver = Receiver(s.stage, PORT)
    receiver.answer = lambda r: 500 if r.json()["caller_number"] == OUTSIDE + "0" else 200
    start(s, hook(events=["parked", "retrieved"]))
    peer = s.peer()
    park_and_pick_up(s, peer, OUTSIDE + "0")
    park_and_pick_up(s, peer, OUTSIDE + "1")
    receiver.arrive("retrieved", 1, 20)
    equal({(r.event, r.json()["caller_number"][-1]) for r in receiver.requests},
          {("parked", "0"), ("parked", "1"), ("retrieved", "1")}, "what was sent")


@scenario
def a_restart_loses_nothing(s):
    "what waits when the controller is killed arrives after it is back, with the same id and in order"
    receiver = Receiver(s.stage, PORT)
    receiver.answer = lambda request: 503
    anchor = start(s)
    park_and_pick_up(s, s.peer())
    wait_for(lambda: show(anchor)["waiting"] + show(anchor)["sending"] == 2, 10, "two wait")
    first = receiver.requests[0].id
    anchor.kill()
    receiver.answer = lambda request: 200
    anchor.again()
    receiver.arrive("retrieved", 1, 20)
    arrived = [r for r in receiver.requests if r.status == 200]
    equal([r.event for r in arrived], ["parked", "retrieved"], "the order")
    equal(arrived[0].id, first, "the id")
    wait_for(lambda: show(anchor)["waiting"] + show(anchor)["sending"] == 0, 5, "none waits")
    anchor.kill()
    anchor.again()
    # One that was answered just before the kill may be told again, with its id.
    wait_for(lambda: show(anchor)["waiting"] + show(anchor)["sending"] == 0, 10, "none waits again")
    equal(len({r.id for r in receiver.requests if r.status == 200}), 2, "what was told")


@scenario
def a_full_queue(s):
    "a full queue drops its oldest, says so in log, webhook list and metrics, and tells the receiver how many"
    receiver = Receiver(s.stage, PORT)
    receiver.answer = lambda request: 503
    anchor = start(s, hook(queue=3), http=web.CONFIG)
    peer = s.peer()
    for i in range(8):
        equal(peer.call("70%d" % (1 + i % 5), "1002", s.phone()).status(5), 404, "an empty slot")
    # Of the eight, three wait; one of these may be under way.
    state = wait_for(lambda: show(anchor)["dropped"] == 5 and show(anchor), 10, "five are dropped")
    equal(state["waiting"] + state["sending"], 3, "what waits")
    check("its queue of 3 is full" in anchor.process.text(), "the log")
    metrics = Web(s.stage).ask("/metrics").body.decode()
    check('holdfast_webhook_dropped_total{webhook="team"} 5\n' in metrics, "metrics")
    receiver.answer = lambda request: 200
    anchor.ctl("webhook", "retry", "team")
    told = receiver.arrive("refused", 3)
    equal(told[0].headers["Holdfast-Dropped"], "5", "dropped, as the receiver hears it")
    equal(told[-1].headers["Holdfast-Dropped"], None, "dropped, after it was told")


@scenario
def given_up_after_a_while(s):
    "what is older than give_up_s is given up, and kept for another try"
    receiver = Receiver(s.stage, PORT)
    receiver.answer = lambda request: 503
    anchor = start(s, hook(events=["parked"], give_up_s=1))
    s.peer().park(OUTSIDE, s.caller())
    wait_for(lambda: show(anchor)["failed"] == 1, 15, "it is given up")
    anchor.kill()
    anchor.again()
    equal(show(anchor)["failed"], 1, "given up, after a restart")
    receiver.answer = lambda request: 200
    anchor.ctl("webhook", "retry", "team")
    receiver.arrive("parked")


@scenario
def tls_is_verified(s):
    "https goes to who has a certificate for the name by a trusted root, and to nobody else"
    root, pair = authority(s.folder)
    other = os.path.join(s.folder, "other")
    os.makedirs(other)
    wrong_root, _ = authority(other)
    _, wrong_pair = authority(other, "another.example.com")
    root2 = os.path.join(other, "root.pem")
    good = Receiver(s.stage, 8443, tls=pair)
    misnamed = Receiver(s.stage, 8444, tls=wrong_pair)
    url = "https://%s:%d/"
    anchor = start(s, hook(url=url % (net.PBX, 8443), ca=root),
                   hook(name="stranger", url=url % (net.PBX, 8443), ca=wrong_root),
                   hook(name="misnamed", url=url % (net.PBX, 8444), ca=root2))
    s.peer().park(OUTSIDE, s.caller())
    good.arrive("parked")
    for name in ("stranger", "misnamed"):
        state = wait_for(lambda: show(anchor, name)["failing"] and show(anchor, name), 10, name + " fails")
        check("ertificate" in state["failure"] or "SSL" in state["failure"], state["failure"])
    equal(misnamed.requests, [], "told to who has another name")
    equal(len(good.requests), 1, "told to who is not trusted")


@scenario
def a_person_looks(s):
    "holdfastctl webhook test says how the receiver answered, and nothing shows a secret"
    receiver = Receiver(s.stage, PORT)
    anchor = start(s, hook(secret=SECRET, format="slack"), http=web.CONFIG)
    text = anchor.ctl("webhook", "test", "team", json_=False)
    check(re.match(r"webhook team: delivered in \d+ ms \(answered 200\)\n$", text), text)
    equal(receiver.requests[0].json(), {"text": "This is a test of Holdfast: nothing has happened."}, "test")
    receiver.answer = lambda request: 404
    try:
        anchor.ctl("webhook", "test", "team", json_=False)
        check(False, "a test that failed was called a success")
    except net.Failed as why:
        check("answered 404" in str(why), why)
    said = [anchor.ctl("webhook", "list", json_=False), anchor.ctl("webhook", "show", "team", json_=False),
            json.dumps(show(anchor)), Web(s.stage).ask("/api/v1/webhooks").body.decode(),
            anchor.process.text()]
    for text in said:
        check(SECRET not in text and "path-that-is" not in text, text)
    check("http://%s:%d" % (net.PBX, PORT) in said[0], said[0])


@scenario
def a_stream_without_end(s):
    "an answer that never ends, or comes byte by byte, holds up that receiver alone"
    def listen():
        l = socket.socket()
        l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        l.bind((net.PBX, PORT))
        l.listen(5)
        return l
    listener = s.stage.pbx.call(listen)
    s.stage.on_close(listener.close)
    anchor = start(s, hook(timeout_s=2, events=["parked"]))
    s.peer().park(OUTSIDE, s.caller())
    listener.settimeout(10)
    conn, _ = listener.accept()
    conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    try:
        for _ in range(100000):
            conn.sendall(b"400\r\n" + b"x" * 1024 + b"\r\n")
    except OSError:
        pass
    conn.close()
    state = wait_for(lambda: show(anchor)["delivered"] == 1, 10, "the status was enough")
    check(state, "delivered")


@scenario
def records_of_calls(s):
    "at the end of a call its record reaches the CRM, with waits, carried headers and User-to-User, restart or not"
    receiver = Receiver(s.stage, PORT)
    anchor = start(s, hook(name="crm", events=["record"], secret=SECRET), sip__carry_headers=["X-Customer"])
    peer = s.peer()
    peer.park(OUTSIDE, s.caller(), display="Carla Caller",
              headers=(("X-Customer", "4711"), ("User-to-User", "56a390f3d2b7310023a;encoding=hex")))
    call = peer.call("701", "1002", s.phone())
    equal(call.status(), 200, "the pick-up")
    wait_for(lambda: [r for r in anchor.ctl("history", "list")
                      if r["resolution"] == "retrieved"], 10, "it is on record")
    anchor.kill()
    anchor.again()
    call.bye()
    done = receiver.arrive("record")[0]
    check(done.signed_by(SECRET), "the signature")
    record = done.json()
    equal({k: record[k] for k in ("event", "caller_number", "caller_name", "lot", "slot", "parker",
                                  "retriever", "parks", "resolution", "headers", "user_to_user")},
          {"event": "record", "caller_number": OUTSIDE, "caller_name": "Carla Caller", "lot": "main",
           "slot": "701", "parker": "sip:1001@pbx.example.com", "retriever": "sip:1002@pbx.example.com",
           "parks": 1, "resolution": "retrieved", "headers": {"X-Customer": "4711"},
           "user_to_user": "56a390f3d2b7310023a;encoding=hex"}, "the record")
    equal(len(record["waits"]), 1, "waits")
    equal(anchor.ctl("history", "show", str(record["call"]))["resolution"], "retrieved", "the history")
    # An outside caller who wants privacy, and hangs up.
    peer.park(OUTSIDE + "7", s.caller(), display="Secret", headers=(("Privacy", "id"),)).bye()
    second = receiver.arrive("record", 2)[1]
    equal(second.json()["resolution"], "abandoned", "the second")
    check(b"Secret" not in second.body and OUTSIDE.encode() not in second.body, second.body)
    equal(len([r for r in receiver.once() if r.event == "record"]), 2, "records")


if __name__ == "__main__":
    raise SystemExit(main())
