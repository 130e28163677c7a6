# SPDX-License-Identifier: GPL-2.0-or-later
"""A scripted receiver of webhooks in the PBX's namespace: keeps every request,
answers as it is told, optionally with TLS."""
import collections
import hashlib
import hmac
import http.server
import json
import os
import socket
import ssl
import subprocess
import threading
import time

from . import net


class Request:
    def __init__(self, handler, body):
        self.path, self.headers, self.body = handler.path, handler.headers, body
        self.at = time.monotonic()
        self.status = None

    def json(self):
        return json.loads(self.body)

    @property
    def event(self):
        return self.headers["Holdfast-Event"]

    @property
    def id(self):
        return self.headers["Holdfast-Delivery"]

    def signed_by(self, secret):
        """Is the signature that of this secret, made just now?"""
        fields = dict(f.split("=", 1) for f in self.headers["Holdfast-Signature"].split(","))
        text = fields["t"].encode() + b"." + self.body
        right = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
        return hmac.compare_digest(right, fields["v1"]) and abs(time.time() - int(fields["t"])) < 60


class Receiver:
    """answer(request) gives a status, or (status, headers), or None: hang up
    without an answer. `gate`: while it is not set, requests wait before they are
    answered (a slow receiver)."""

    def __init__(self, stage, port=8443, tls=None, host=net.PBX, namespace=None):
        self.answer = lambda request: 200
        self.gate = threading.Event()
        self.gate.set()
        self.requests = []
        self.changed = threading.Condition()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = Request(self, body)
                with receiver.changed:
                    receiver.requests.append(request)
                    receiver.changed.notify_all()
                receiver.gate.wait(60)
                status = receiver.answer(request)
                if status is None:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                headers = {}
                if isinstance(status, tuple):
                    status, headers = status
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()
                with receiver.changed:
                    request.status = status
                    receiver.changed.notify_all()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):     # the anchor may hang up first
                pass

        self.make = lambda: Server((host, port), Handler)
        self.tls, self.namespace, self.server = tls, namespace or stage.pbx, None
        self.start()
        stage.on_close(self.stop)

    def start(self):
        self.server = self.namespace.call(self.make)
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        """Dead: connections are refused from now on."""
        self.gate.set()
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def wait(self, want, seconds=10, what="a request"):
        """Until want(list of answered requests) is true; what it gave."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while True:
                done = [r for r in self.requests if r.status is not None]
                got = want(done)
                if got:
                    return got
                left = deadline - time.monotonic()
                if left <= 0:
                    raise net.Failed("%s did not come within %g s; %d requests: %s" % (
                        what, seconds, len(self.requests),
                        collections.Counter((r.event, r.status) for r in self.requests)))
                self.changed.wait(left)

    def once(self):
        """What has arrived, each id once: a restart may bring one again."""
        with self.changed:
            return list({r.id: r for r in reversed(self.requests)}.values())[::-1]

    def arrive(self, event, count=1, seconds=10, status=200):
        """The requests of that event that were answered so, each id once, when
        there are as many."""
        def enough(done):
            these = {r.id: r for r in done if r.event == event and r.status == status}
            return list(these.values()) if len(these) >= count else None
        return self.wait(enough, seconds, "%d × %s" % (count, event))

    def begun(self, count=1, seconds=10):
        """Until as many requests have come, answered or not."""
        deadline = time.monotonic() + seconds
        with self.changed:
            while len(self.requests) < count:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise net.Failed("%d of %d requests came" % (len(self.requests), count))
                self.changed.wait(left)


def authority(folder, host=net.PBX):
    """A root of our own and a certificate for `host`: (root, (certificate, key))."""
    at = lambda name: os.path.join(folder, name)
    quiet = dict(check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=test root",
                    "-keyout", at("root.key"), "-out", at("root.pem")], **quiet)
    subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                    "-nodes", "-subj", "/CN=" + host, "-keyout", at("host.key"),
                    "-out", at("host.csr")], **quiet)
    with open(at("san"), "w") as f:
        f.write("subjectAltName=%s:%s\n" % ("IP" if host[0].isdigit() else "DNS", host))
    subprocess.run(["openssl", "x509", "-req", "-in", at("host.csr"), "-CA", at("root.pem"),
                    "-CAkey", at("root.key"), "-CAcreateserial", "-days", "2", "-extfile", at("san"),
                    "-out", at("host.pem")], **quiet)
    return at("root.pem"), (at("host.pem"), at("host.key"))
