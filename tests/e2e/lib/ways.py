# SPDX-License-Identifier: GPL-2.0-or-later
"""Other ways than IPv4 and UDP for a scripted SIP peer: sockets that sip.py can
use like its own. Addresses are (host, port), IPv6 hosts in brackets."""
import os
import queue
import socket
import ssl
import subprocess
import threading


class Udp6:
    """A UDP socket of IPv6."""

    def __init__(self, namespace, address, port):
        def make():
            s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            s.bind((address, port))
            return s
        self._sock = namespace.call(make)

    def getsockname(self):
        host, port = self._sock.getsockname()[:2]
        return "[%s]" % host, port

    def sendto(self, data, dest):
        return self._sock.sendto(data, (dest[0].strip("[]"), dest[1]))

    def recvfrom(self, size):
        data, source = self._sock.recvfrom(size)
        return data, ("[%s]" % source[0], source[1])

    def setblocking(self, how):
        self._sock.setblocking(how)

    def fileno(self):
        return self._sock.fileno()

    def close(self):
        self._sock.close()


class Routed:
    """A UDP socket behind a router that translates one address to another."""

    def __init__(self, namespace, address, port, outer, inner):
        self._sock = namespace.udp(address, port)
        self._outer, self._inner = outer, inner
        for name in ("getsockname", "recvfrom", "setblocking", "fileno", "close"):
            setattr(self, name, getattr(self._sock, name))

    def sendto(self, data, dest):
        host = self._inner if dest[0] == self._outer else dest[0]
        return self._sock.sendto(data, (host, dest[1]))


def certificate(folder, name, address, authority=None):
    """A key and a certificate for an address: by an authority (another one's
    stem), or by itself. The stem of NAME.pem and NAME.key."""
    stem = os.path.join(folder, name)
    command = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
               "-nodes", "-keyout", stem + ".key", "-subj", "/CN=" + name, "-days", "2",
               "-x509", "-out", stem + ".pem", "-addext", "subjectAltName=IP:" + address]
    if authority:
        command += ["-CA", authority + ".pem", "-CAkey", authority + ".key",
                    "-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return stem


class Tls:
    """SIP over TLS: a server's socket and the connections it and we opened,
    seen as datagrams. Who connects first is used for what goes there after."""

    def __init__(self, namespace, address, port, stem, authority, present=True):
        self._namespace = namespace
        self._name = (address, port)
        self._server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server.load_cert_chain(stem + ".pem", stem + ".key")
        self._client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._client.load_verify_locations(authority + ".pem")
        if present:
            self._client.load_cert_chain(stem + ".pem", stem + ".key")
        self._open = {}         # (host, port) of the other end: connection
        self._came = queue.Queue()
        self._wake_r, self._wake_w = socket.socketpair()
        self.opened = 0         # connections that the other side opened
        self.refused = 0        # those that came to nothing

        def listen():
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(self._name)
            s.listen(5)
            return s
        self._listener = namespace.call(listen)
        threading.Thread(target=self._accept, daemon=True).start()

    def getsockname(self):
        return self._name

    def _accept(self):
        while True:
            try:
                sock, source = self._listener.accept()
            except OSError:
                return
            try:
                tls = self._server.wrap_socket(sock, server_side=True)
            except (OSError, ssl.SSLError):
                self.refused += 1
                continue
            self.opened += 1
            self._begin(tls, source)

    def _begin(self, tls, other):
        self._open[other] = tls
        threading.Thread(target=self._read, args=(tls, other), daemon=True).start()

    def _read(self, tls, other):
        data = b""
        while True:
            try:
                got = tls.recv(65536)
            except (OSError, ssl.SSLError):
                got = b""
            if not got:
                self._open.pop(other, None)
                return
            data = (data + got).lstrip(b"\r\n")
            while b"\r\n\r\n" in data:
                head, _, rest = data.partition(b"\r\n\r\n")
                length = 0
                for line in head.split(b"\r\n"):
                    if line.lower().startswith((b"content-length:", b"l:")):
                        length = int(line.split(b":")[1])
                if len(rest) < length:
                    break
                self._came.put((head + b"\r\n\r\n" + rest[:length], other))
                try:
                    self._wake_w.send(b"x")
                except OSError:
                    return      # the scenario is over
                data = rest[length:].lstrip(b"\r\n")

    def sendto(self, data, dest):
        tls = self._open.get(dest)
        if not tls:
            sock = self._namespace.tcp(*dest)
            sock.settimeout(10)
            tls = self._client.wrap_socket(sock, server_hostname=dest[0])
            sock = None
            tls.settimeout(None)
            self._begin(tls, dest)
        try:
            tls.sendall(data)
        except OSError:     # the other end has closed it: lost, as a datagram may be
            self._open.pop(dest, None)

    def recvfrom(self, size):
        try:
            message = self._came.get_nowait()
        except queue.Empty:
            raise BlockingIOError from None
        self._wake_r.recv(1)
        return message

    def setblocking(self, how):
        self._wake_r.setblocking(how)

    def fileno(self):
        return self._wake_r.fileno()

    def version(self):
        return {tls.version() for tls in self._open.values()}

    def drop(self):
        """Close every connection."""
        for tls in list(self._open.values()):
            tls.close()
        self._open.clear()

    def close(self):
        self._listener.close()
        self.drop()
        self._wake_r.close()
        self._wake_w.close()
