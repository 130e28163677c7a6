# SPDX-License-Identifier: GPL-2.0-or-later
"""Digest credentials (RFC 7616) of a scripted phone."""
import hashlib
import re

HASH = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


def params(value):
    """What stands in a challenge or in credentials."""
    return {n: q or p for n, q, p in re.findall(
        r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))', value)}


def response(algorithm, user, password, method, uri, p):
    """RFC 7616 3.4.1, of parameters that name nonce, nc and cnonce."""
    def h(text):
        return HASH[algorithm](text.encode()).hexdigest()
    return h(":".join([h("%s:%s:%s" % (user, p["realm"], password)), p["nonce"], p["nc"],
                       p["cnonce"], "auth", h("%s:%s" % (method, uri))]))


def credentials(challenge, method, uri, user, password, nc=1, algorithm="MD5"):
    p = dict(params(challenge), nc="%08x" % nc, cnonce="abcdef")
    return ('Digest username="%s", realm="%s", nonce="%s", uri="%s", qop=auth, nc=%s, '
            'cnonce="abcdef", algorithm=%s, response="%s"' % (
                user, p["realm"], p["nonce"], uri, p["nc"], algorithm,
                response(algorithm, user, password, method, uri, p)))
