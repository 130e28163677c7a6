# SPDX-License-Identifier: GPL-2.0-or-later
"""SIP messages of the test endpoint (sip.py): taken apart, put together, and what
stands in their headers."""
import random
import re
import string

_COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact",
            "l": "content-length", "c": "content-type", "r": "refer-to",
            "b": "referred-by", "k": "supported", "s": "subject", "e": "content-encoding"}

PHRASES = {100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK",
           202: "Accepted", 400: "Bad Request", 403: "Forbidden", 404: "Not Found",
           405: "Method Not Allowed", 408: "Request Timeout",
           480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist",
           482: "Loop Detected", 486: "Busy Here", 487: "Request Terminated",
           488: "Not Acceptable Here", 491: "Request Pending",
           500: "Server Internal Error", 603: "Decline"}


def token(length=10):
    return "".join(random.choices(string.ascii_lowercase + string.digits, k=length))


class Message:
    """A request (method, uri) or a response (status, reason)."""

    def __init__(self, method=None, uri=None, status=None, reason=None,
                 headers=None, body=""):
        self.method, self.uri = method, uri
        self.status, self.reason = status, reason
        self.headers = headers or []
        self.body = body
        self.source = None  # (host, port) it came from
        self.time = None    # when, time.monotonic()

    @classmethod
    def parse(cls, data):
        head, _, body = data.partition(b"\r\n\r\n")
        lines = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "replace")).split("\r\n")
        message = cls(body=body.decode("utf-8", "replace"))
        first = lines[0].split(" ", 2)
        if first[0] == "SIP/2.0":
            message.status, message.reason = int(first[1]), first[2] if len(first) > 2 else ""
        elif len(first) == 3 and first[2] == "SIP/2.0":
            message.method, message.uri = first[0], first[1]
        else:
            raise ValueError("not SIP: %r" % lines[0])
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if colon:
                message.headers.append((name.strip(), value.strip()))
        return message

    @staticmethod
    def _key(name):
        name = name.lower()
        return _COMPACT.get(name, name)

    def all(self, name):
        key = self._key(name)
        return [v for n, v in self.headers if self._key(n) == key]

    def get(self, name, default=None):
        values = self.all(name)
        return values[0] if values else default

    def set(self, name, value):
        key = self._key(name)
        self.headers = [(n, v) for n, v in self.headers if self._key(n) != key]
        if value is not None:
            self.headers.append((name, value))

    def add(self, *pairs):
        self.headers.extend(pairs)

    @property
    def call_id(self):
        return self.get("call-id")

    @property
    def cseq(self):
        number, method = self.get("cseq").split()
        return int(number), method

    @property
    def branch(self):
        return parameter(self.get("via"), "branch")

    def first_line(self):
        if self.method:
            return "%s %s SIP/2.0" % (self.method, self.uri)
        return "SIP/2.0 %d %s" % (self.status, self.reason)

    def bytes(self):
        body = self.body.encode()
        lines = [self.first_line()]
        lines += ["%s: %s" % h for h in self.headers if self._key(h[0]) != "content-length"]
        lines.append("Content-Length: %d" % len(body))
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def parameter(value, name):
    """A header parameter (outside <>), or None."""
    outside = re.sub(r"<[^>]*>", "", re.sub(r'"[^"]*"', "", value or ""))
    match = re.search(r";\s*%s\s*=\s*([^;,\s]+)" % re.escape(name), outside, re.I)
    return match.group(1) if match else None


def uri_of(value):
    """The URI of a name-addr or addr-spec header value."""
    match = re.search(r"<([^>]*)>", value)
    return match.group(1) if match else value.split(";")[0].strip()


def display_of(value):
    match = re.match(r'\s*"((?:[^"\\]|\\.)*)"\s*<', value) or re.match(r"\s*([^<\"]*?)\s*<", value)
    return match.group(1) if match else ""


def user_of(uri):
    match = re.match(r"sips?:([^@;?]*)@", uri)
    return match.group(1) if match else ""


def host_of(uri):
    match = re.match(r"(sips?):(?:[^@]*@)?(\[[^]]*\]|[^;?:]*)(?::(\d+))?", uri)
    usual = 5061 if match.group(1) == "sips" else 5060
    return match.group(2), int(match.group(3) or usual)


def without_tag(value):
    return re.sub(r";\s*tag=[^;]*", "", value)
