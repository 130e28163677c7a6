#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""HTTP: what it answers, whom it answers, and that nobody waits for a browser."""
import os
import re
import signal
import socket
import ssl
import subprocess
import time
import warnings

import jsonschema

from lib import net, web
from lib.net import wait_for
from lib.receiver import authority
from lib.testing import Skip, check, equal, main, scenario
from lib.web import TOKENS, Web

OUTSIDE = "4930111111"
ROLES = ["none", "view", "act", "admin"]


def start(s, **changes):
    http = dict(web.CONFIG, **changes.pop("http", {}))
    anchor = s.anchor(http=http, **changes)
    return anchor, Web(s.stage)


def undocumented(schema, value, doc, path="answer"):
    """Keys of the value that the schema does not name."""
    if "$ref" in schema:
        schema = doc["components"]["schemas"][schema["$ref"].split("/")[-1]]
    for other in schema.get("anyOf", []):
        if other.get("type") != "null" and value is not None:
            yield from undocumented(other, value, doc, path)
    if isinstance(value, list):
        for item in value:
            yield from undocumented(schema.get("items", {}), item, doc, path + "[]")
    if isinstance(value, dict) and "properties" in schema:
        for key, inner in value.items():
            if key in schema["properties"]:
                yield from undocumented(schema["properties"][key], inner, doc, path + "." + key)
            elif not schema.get("additionalProperties"):
                yield path + "." + key


def fits(doc, schema, value, where):
    whole = dict(schema, components=doc["components"])
    try:
        jsonschema.validate(value, whole)
    except jsonschema.ValidationError as error:
        check(False, "%s: %s at %s" % (where, error.message, list(error.absolute_path)))
    equal(sorted(set(undocumented(schema, value, doc))), [], "undocumented keys of " + where)


@scenario
def openapi_holds(s):
    "every path of openapi.json is served as described, with calls and without, and to its role only"
    anchor, w = start(s)
    doc = web.openapi()
    equal(w.get("/api/v1/openapi.json", role=None), doc, "the description that is served")
    peer, seen = s.peer(), 0
    for parked in (False, True):
        if parked:
            peer.park(OUTSIDE, s.caller())
            anchor.wait_slot(701, "parked")
            wait_for(lambda: anchor.ctl("history", "list"), 5, "the call is in the history")
        ids = {"call": anchor.slot(701)["call"],
               "leg": anchor.ctl("leg", "list")[0]["leg"] if parked else 4000000}
        for path, item in doc["paths"].items():
            if "get" not in item or path == "/api/v1/events":
                continue
            get, real = item["get"], path.format(**ids)
            answer = w.ask(real, role=max(get["x-role"], "view", key=ROLES.index))
            check(str(answer.status) in get["responses"], "%s gave %d" % (real, answer.status))
            if "{" not in path or parked:
                equal(answer.status, 200, real)
            described = get["responses"][str(answer.status)]["content"]
            kind = answer.headers["Content-Type"].split(";")[0]
            check(kind in described, "%s is %s" % (real, kind))
            if kind == "application/json":
                fits(doc, described[kind]["schema"], answer.json(), real)
            anonymous = w.ask(real, role=None).status
            check(anonymous == (401 if get["x-role"] != "none" else answer.status),
                  "%s without a token gave %d" % (real, anonymous))
            seen += 1
    check(seen >= 30, "only %d answers were looked at" % seen)
    equal(w.ask("/api/v2/slots").status, 404, "a path that is not described")
    wrong = w.ask("/api/v1/calls/99999")
    fits(doc, {"$ref": "#/components/schemas/Error"}, wrong.json(), "an error")


@scenario
def roles_and_tokens(s):
    "a view token cannot act, an act token cannot command, a wrong token gets nothing"
    _, w = start(s)
    act = dict(method="POST", body={})
    equal(w.ask("/api/v1/calls/1/kick", role="view", **act).status, 403, "act as viewer")
    check(w.ask("/api/v1/calls/1/kick", role="act", **act).status not in (401, 403), "act as agent")
    command = dict(method="POST", body={"command": "status"})
    equal(w.ask("/api/v1/command", role="act", **command).status, 403, "command as agent")
    equal(w.ask("/api/v1/command", role="admin", **command).status, 200, "command as administrator")
    equal(w.ask("/api/v1/slots", token="nobody-knows-this-token").status, 401, "a wrong token")
    check("Bearer" in w.ask("/api/v1/slots", role=None).headers["WWW-Authenticate"], "the challenge")
    equal(w.get("/api/v1/me", role="act"), {"name": "acter", "role": "act",
                                            "phone": "sip:1001@pbx.example.com",
                                            "tenant": None}, "who I am")


@scenario
def other_sites(s):
    "pages of other sites, forms and foreign names get nothing, and answers allow no other origin"
    _, w = start(s, http={"anonymous": "view", "names": ["board.example.com"]})
    equal(w.ask("/api/v1/slots", role=None).status, 200, "anonymous: view")
    equal(w.ask("/api/v1/slots", host="evil.example.com").status, 421, "DNS rebinding")
    equal(w.ask("/api/v1/slots", host="board.example.com:8080").status, 200, "our own name")
    for site in ("cross-site", "same-site"):
        equal(w.ask("/api/v1/slots", headers={"Sec-Fetch-Site": site}).status, 403, site)
    form = {"Content-Type": "text/plain"}
    equal(w.ask("/api/v1/calls/1/kick", role="act", method="POST", body="{}", headers=form).status,
          403, "a form's POST")
    equal(w.ask("/api/v1/calls/1/kick", role=None, method="POST", body="{}").status, 401,
          "a POST without a token")
    page = w.ask("/", role=None, headers={"Origin": "http://evil.example.com"})
    equal(page.headers["Access-Control-Allow-Origin"], None, "CORS")
    policy = page.headers["Content-Security-Policy"]
    check("default-src 'none'" in policy and "unsafe" not in policy, policy)
    check(len(page.body) <= 150 * 1024, "the page weighs %d bytes" % len(page.body))
    equal(w.ask("/api/v1/slots", method="DELETE").status, 405, "another method")


@scenario
def sizes_and_rates(s):
    "bodies, headers and rates have limits, and the controller goes on"
    anchor, w = start(s)
    equal(w.ask("/api/v1/command", role="admin", method="POST",
                body='{"command":"%s"}' % ("x" * 5000)).status, 413, "a long body")
    check(w.ask("/healthz", headers={"X-Long": "x" * 40000}).status in (400, 413, 431), "a long header")
    statuses = [w.ask("/healthz", token="guess-number-%06d" % i).status for i in range(20)]
    check(401 in statuses and statuses[-1] == 429, "guessing: %s" % statuses)
    equal(len(anchor.slots()), 5, "the control socket")


@scenario
def events_follow_a_call(s):
    "a board is told of the park, the pick-up and the hang-up, after a whole table"
    _, w = start(s)
    peer, events = s.peer(), w.events()
    table = events.until(lambda k, d: k == "table")[1]
    equal([r["slot"] for r in table], ["701", "702", "703", "704", "705"], "the table")
    events.until(lambda k, d: k == "live")
    begin = time.monotonic()
    peer.park(OUTSIDE, s.caller())
    slot = events.until(lambda k, d: k == "slot" and d["state"] == "parked")[1]
    took = time.monotonic() - begin
    equal((slot["slot"], slot["caller_number"]), ("701", OUTSIDE), "the slot")
    check(took < 2, "the board heard of it after %.3f s" % took)
    events.until(lambda k, d: k == "happened" and d["event"] == "parked")
    equal(peer.call("701", "1002", s.phone()).status(), 200, "the pick-up")
    events.until(lambda k, d: k == "slot" and d["slot"] == "701" and d["state"] == "free")
    events.until(lambda k, d: k == "happened" and d["event"] == "retrieved")
    check(events.until(lambda k, d: k == "beat")[1]["ready"], "ready")


@scenario
def private_callers(s):
    "a caller who wants privacy is nowhere over HTTP, and holdfastctl says that it is so"
    anchor, w = start(s)
    events = w.events()
    events.until(lambda k, d: k == "live")
    s.peer().park(OUTSIDE, s.caller(), display="Secret Caller", headers=(("Privacy", "id"),))
    said = [events.until(lambda k, d: k == "slot" and d["state"] == "parked"),
            events.until(lambda k, d: k == "happened" and d["event"] == "parked")]
    slot = anchor.slot(701)
    equal(slot["private"], True, "private in holdfastctl")
    for path in ("slots", "calls", "calls/%d" % slot["call"], "legs"):
        said.append(w.ask("/api/v1/" + path, role="admin").body.decode())
    for text in map(str, said):
        check(OUTSIDE not in text and "Secret" not in text, text)


@scenario
def a_slow_reader_is_dropped(s):
    "a board that does not read is dropped, and parking does not wait for it"
    anchor, w = start(s)
    stuck = w.events()
    stuck.until(lambda k, d: k == "live")
    raw = stuck.connection.sock
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer, caller = s.peer(), s.caller()
    metrics = lambda: w.ask("/metrics").body.decode()
    deadline = time.monotonic() + 60
    calls = 0
    # Refusals are events too: an empty slot is dialled, again and again.
    while "holdfast_http_slow_boards_total 1" not in metrics():
        check(time.monotonic() < deadline, "not dropped after %d events" % calls)
        batch = [peer.call("70%d" % (1 + i % 5), "1002", caller) for i in range(100)]
        for call in batch:
            equal(call.status(10), 404, "an empty slot")
        calls += len(batch)
    check("holdfast_http_boards 0" in metrics(), "the board is still there")
    peer.park(OUTSIDE, caller)
    anchor.wait_slot(701, "parked")


def figure(text, name):
    return int(re.search(r"^%s (\d+)$" % re.escape(name), text, re.M).group(1))


def commits(text):
    count = figure(text, "holdfast_journal_commit_seconds_count")
    check(count >= 4, "%d commits of the journal" % count)
    return count


@scenario
def metrics_are_right(s):
    "promtool accepts /metrics, and its figures are those of the calls"
    if not any(os.access(os.path.join(d, "promtool"), os.X_OK) for d in os.environ["PATH"].split(":")):
        raise Skip("promtool (package prometheus) is not installed")
    anchor, w = start(s)
    peer = s.peer()
    peer.park(OUTSIDE, s.caller())
    anchor.wait_slot(701, "parked")
    equal(peer.call("701", "1002", s.phone()).status(), 200, "the pick-up")
    peer.park(OUTSIDE, s.caller())
    equal(peer.call("704", "1002", s.phone()).status(), 404, "an empty slot")
    gone = peer.park(OUTSIDE + "1", s.caller())
    anchor.ctl("call", "kick", str(anchor.wait_slot(702, "parked")["call"]))
    gone.wait("bye")
    # A transaction is counted when it is let go of, an INVITE after its ACK.
    wait_for(lambda: 'holdfast_sip_sent_total{method="BYE",status="200"} 1' in w.ask("/metrics").body.decode()
             and 'holdfast_sip_received_total{method="INVITE",status="200"} 4\n' in w.ask("/metrics").body.decode(), 5,
             "four parks and pick-ups and a BYE are counted")
    text = w.ask("/metrics").body.decode()
    done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    equal((done.returncode, done.stdout), (0, ""), "promtool check metrics")
    for line in ('holdfast_lot_slots{lot="main",state="parked"} 1', 'holdfast_calls{state="relayed"} 1',
                 'holdfast_wait_seconds_count{lot="main",resolution="retrieved"} 1', "holdfast_ready 1",
                 "holdfast_parks_total 3", "holdfast_legs_open 3", "holdfast_subscriptions 0",
                 'holdfast_resolutions_total{lot="main",resolution="retrieved"} 1',
                 'holdfast_sip_received_total{method="INVITE",status="200"} 4',
                 'holdfast_sip_received_total{method="INVITE",status="404"} 1',
                 'holdfast_sip_sent_total{method="BYE",status="200"} 1',
                 'holdfast_journal_commit_seconds_bucket{le="+Inf"} %d' % commits(text)):
        check(line + "\n" in text, "%s is missing" % line)
    check('holdfast_packets_total{action="drop",reason="no_leg"}' in text, "packets by reason")


def shown(w, name):
    text = w.ask("/metrics").body.decode()
    return float(re.search(r"^holdfast_%s (\S+)$" % name, text, re.M).group(1))


@scenario
def lateness_is_counted(s):
    "a paced sender that could not run is seen in /metrics: its late ticks, and by how much"
    anchor, w = start(s)
    media = s.caller()
    s.peer().park(OUTSIDE, media)
    media.wait_packets(25)      # it has ticks to be late for
    pid = wait_for(lambda: s.stage.keepers(), 5, "a media keeper")[0]
    late, begin = shown(w, "pacer_late_ticks_total"), time.monotonic()
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_for(lambda: time.monotonic() - begin > 0.4, 5, "it has stood for a while")
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: shown(w, "pacer_late_ticks_total") > late, 5, "a late tick")
    check(shown(w, "pacer_late_longest_seconds") >= 0.3, "the longest is %g s" %
          shown(w, "pacer_late_longest_seconds"))


@scenario
def examples_fit_the_metrics(s):
    "the example alerts are right for promtool, and they and the dashboard name figures that exist"
    if not any(os.access(os.path.join(d, "promtool"), os.X_OK) for d in os.environ["PATH"].split(":")):
        raise Skip("promtool (package prometheus) is not installed")
    anchor, w = start(s, webhooks=[{"name": "team", "url": "http://127.0.0.1:1/"}])
    peer = s.peer()     # figures by label are there from their first time on
    peer.park(OUTSIDE, s.caller()).bye()
    anchor.wait_slot(701, "free")
    folder = os.path.join(net.ROOT, "Documentation", "monitoring")
    net.run("promtool", "check", "rules", os.path.join(folder, "alerts.yml"))
    known = set(re.findall(r"^(?:# TYPE )?(holdfast_\w+)", w.ask("/metrics").body.decode(), re.M))
    for name in ("alerts.yml", "grafana.json"):
        with open(os.path.join(folder, name)) as f:
            named = set(re.findall(r"\bholdfast_\w+", f.read()))
        check(len(named) > 5, "%s names only %s" % (name, named))
        equal(sorted(named - known), [], "figures of %s that do not exist" % name)


@scenario
def over_tls(s):
    "with certificate and key the board is served over TLS, outside loopback too, and clear text gets nothing"
    root, (certificate, key) = authority(s.folder, net.ANCHOR_TRUNK)
    listen = [net.ANCHOR_TRUNK + ":8443", "127.0.0.1:8443"]
    s.anchor(http=dict(web.CONFIG, listen=listen, certificate=certificate, key=key))
    context = ssl.create_default_context(cafile=root)

    def ask(context, host=net.ANCHOR_TRUNK):
        raw = s.stage.pbx.call(lambda: socket.create_connection((net.ANCHOR_TRUNK, 8443), 10))
        with context.wrap_socket(raw, server_hostname=host) as tls:
            tls.sendall(b"GET /api/v1/slots HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n"
                        b"Authorization: Bearer %s\r\n\r\n" % (host.encode(), TOKENS["view"].encode()))
            answer = b""
            while True:
                more = tls.recv(65536)
                if not more:
                    return tls.version(), answer
                answer += more
    version, answer = ask(context)
    check(answer.startswith(b"HTTP/1.1 200") and b'"701"' in answer, answer[:200])
    check(version in ("TLSv1.2", "TLSv1.3"), version)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    try:
        ask(old)
        check(False, "TLS 1.1 was accepted")
    except (ssl.SSLError, ConnectionError):
        pass
    clear = s.stage.pbx.call(lambda: socket.create_connection((net.ANCHOR_TRUNK, 8443), 10))
    clear.sendall(b"GET /api/v1/slots HTTP/1.1\r\nHost: x\r\n\r\n")
    try:
        said = clear.recv(100)
    except ConnectionError:
        said = b""
    check(not said.startswith(b"HTTP/1.1 200"), said)
    clear.close()


@scenario
def without_the_section(s):
    "without an http section nothing listens, and outside loopback it wants TLS"
    anchor = s.anchor()
    try:
        web.Connection(s.stage.anchor).connect()
        check(False, "something listens")
    except OSError:
        pass
    anchor.tear_down()
    from lib import anchor as anchors
    bad = anchors.Anchor(s.stage, anchors.config(http={"listen": ["192.0.2.1:8080"]}), start=False)
    status, text = bad.run()
    equal(status, 2, "the exit status")
    check("clear text" in text, text)


@scenario
def ready_and_not(s):
    "readyz is 503 while the controller is drained, and a stopping controller closes its boards"
    anchor, w = start(s)
    equal(w.ask("/readyz", role=None).status, 200, "readyz")
    equal(w.ask("/healthz", role=None).status, 200, "healthz")
    drain = lambda mode: w.ask("/api/v1/command", role="admin", method="POST",
                               body={"command": "drain", "mode": mode}).status
    for mode, status in (("on", 503), ("off", 200)):
        equal(drain(mode), 200, "drain " + mode)
        wait_for(lambda: w.ask("/readyz", role=None).status == status, 5, "readyz with drain " + mode)
    events = w.events()
    events.until(lambda k, d: k == "live")
    anchor.tear_down()
    equal(anchor.process.popen.returncode, 0, "the exit status")
    last = None
    try:
        while True:
            got = events.next()
            if got is None:
                break
            last = got
    except (OSError, net.Failed):
        pass
    check(last is None or last[0] != "table", "the stream ended")


if __name__ == "__main__":
    raise SystemExit(main())
