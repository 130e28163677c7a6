# SPDX-License-Identifier: GPL-2.0-or-later
"""HTTP towards holdfastd, from the anchor's own namespace (it is on loopback)."""
import http.client
import json
import os
import time

from . import net

PORT = 8080
TOKENS = {"view": "wall-board-of-the-test", "act": "agent-anna-of-the-test",
          "admin": "administrator-of-the-test"}
USERS = [{"name": role + "er", "role": role, "token": token} for role, token in TOKENS.items()]
USERS[1]["phone"] = "sip:1001@pbx.example.com"
CONFIG = {"listen": ["127.0.0.1:%d" % PORT], "users": USERS}


class Connection(http.client.HTTPConnection):
    """One whose socket is made in a namespace."""

    def __init__(self, namespace, port=PORT, timeout=10):
        super().__init__("127.0.0.1", port, timeout=timeout)
        self.namespace = namespace

    def connect(self):
        self.namespace.call(super().connect)


class Answer:
    def __init__(self, response):
        self.status, self.headers = response.status, response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)


class Web:
    def __init__(self, stage, port=PORT):
        self.namespace, self.port = stage.anchor, port

    def ask(self, path, role="view", method="GET", body=None, headers=(), token=None, host=None):
        connection = Connection(self.namespace, self.port)
        given = {}
        if role or token:
            given["Authorization"] = "Bearer " + (token or TOKENS[role])
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        if body is not None:
            given["Content-Type"] = "application/json"
        if host:
            given["Host"] = host
        given.update(headers)
        try:
            connection.request(method, path, body=body, headers=given)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **how):
        answer = self.ask(path, **how)
        if answer.status != 200:
            raise net.Failed("%s: %d %s" % (path, answer.status, answer.body[:300]))
        return answer.json()

    def events(self, role="view", token=None):
        return Events(self, role, token)


class Events:
    """A reader of /api/v1/events."""

    def __init__(self, web, role, token=None):
        self.connection = Connection(web.namespace, web.port)
        self.connection.request("GET", "/api/v1/events",
                                headers={"Authorization": "Bearer " + (token or TOKENS[role])})
        self.response = self.connection.getresponse()
        if self.response.status != 200:
            raise net.Failed("events: %d" % self.response.status)

    def next(self):
        """(kind, data) of the next event; None at the end."""
        kind, data = None, []
        while True:
            line = self.response.readline().decode()
            if not line:
                return None
            line = line.rstrip("\n")
            if line.startswith("event: "):
                kind = line[7:]
            elif line.startswith("data: "):
                data.append(line[6:])
            elif not line and kind:
                return kind, json.loads("\n".join(data))

    def until(self, want, seconds=10):
        """The first event for which want(kind, data) is true."""
        deadline, seen = time.monotonic() + seconds, []
        while time.monotonic() < deadline:      # a beat comes every 2 s
            got = self.next()
            if got is None:
                raise net.Failed("the events ended")
            if want(*got):
                return got
            seen.append(str(got)[:200])
        raise net.Failed("none of %d events is it: %s" % (len(seen), seen[-10:]))

    def close(self):
        self.connection.close()


def openapi():
    with open(os.path.join(net.ROOT, "Documentation", "openapi.json")) as f:
        return json.load(f)
