# SPDX-License-Identifier: GPL-2.0-or-later
"""Real phones: baresip, one process and one folder each, driven by its TCP
control port (JSON in netstrings). Each sends its own tone and records what it
sends and hears."""
import glob
import json
import os
import socket
import threading
import time

from . import audio, net

_CONFIG = """\
poll_method epoll
sip_listen {address}:{port}
net_interface eth0
call_local_timeout 120
call_max_calls 4
audio_source aufile,{folder}/says.wav
audio_player aubridge,sink
audio_alert aubridge,alert
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
audio_level no
rtp_ports {rtp_first}-{rtp_last}
rtp_tos 184
rtcp_mux no
jitter_buffer_delay 1-2
ctrl_tcp_listen 127.0.0.1:{control}
snd_path {folder}
ringback_disabled yes
menu_bell no
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
"""


class Phone:
    """One baresip. `tone` is the frequency it talks with, in Hz."""

    _count = 0

    def __init__(self, stage, namespace, name, user, display, address, tone,
                 proxy=net.PBX, domain="pbx.example.com", codecs="PCMU,PCMA",
                 auto_answer=False, start=True, seconds=30, port=5060, watches=(), password=None):
        """`watches`: SIP addresses whose presence it subscribes to. With a
        password it registers."""
        Phone._count += 1
        self.stage, self.namespace = stage, namespace
        self.name, self.user, self.address, self.tone = name, user, address, tone
        self.domain = domain
        self.folder = os.path.join(stage.folder, name)
        self.control = 4400 + Phone._count
        self._events = []
        self._changed = threading.Condition()
        self._socket = None
        os.makedirs(self.folder, exist_ok=True)
        for old in glob.glob(os.path.join(self.folder, "dump-*.wav")):
            os.remove(old)
        audio.write_wav(os.path.join(self.folder, "says.wav"), audio.tone(tone, seconds))
        first = 30000 + 100 * Phone._count
        with open(os.path.join(self.folder, "config"), "w") as f:
            f.write(_CONFIG.format(address=address, port=port, folder=self.folder,
                                   control=self.control, rtp_first=first, rtp_last=first + 98))
            if watches:
                f.write("module_app contact.so\nmodule_app presence.so\n")
        with open(os.path.join(self.folder, "accounts"), "w") as f:
            f.write('"%s" <sip:%s@%s>;outbound="sip:%s";audio_codecs=%s;answermode=%s%s\n'
                    % (display, user, domain, proxy, codecs, "auto" if auto_answer else "manual",
                       ';regint=600;auth_pass="%s"' % password if password else ";regint=0"))
        with open(os.path.join(self.folder, "contacts"), "w") as f:
            f.writelines('"%s" <%s>;presence=p2p\n' % (w, w) for w in watches)
        open(os.path.join(self.folder, "uuid"), "a").close()
        self.process = None
        if start:
            self.start()

    def argv(self):
        return ["baresip", "-f", self.folder]

    def start(self):
        self.process = self.stage.spawn(self.namespace, self.name, *self.argv(),
                                        env=dict(os.environ, HOME=self.folder))
        self._socket = net.wait_for(self._connect, 10, self.name + " starts")
        threading.Thread(target=self._read, daemon=True).start()
        self.stage.on_close(self._socket.close)

    def _connect(self):
        if not self.process.alive():
            raise net.Failed("%s ended: %s" % (self.name, self.process.text()))
        try:
            sock = self.namespace.tcp("127.0.0.1", self.control)
        except OSError:
            return None
        sock.settimeout(None)
        return sock

    def _read(self):
        buffer = b""
        while True:
            try:
                data = self._socket.recv(65536)
            except OSError:
                return
            if not data:
                return
            buffer += data
            while b":" in buffer:
                length, _, rest = buffer.partition(b":")
                if len(rest) < int(length) + 1:
                    break
                item, buffer = rest[:int(length)], rest[int(length) + 1:]
                event = json.loads(item)
                event["at"] = time.time()
                with self._changed:
                    self._events.append(event)
                    self._changed.notify_all()

    # Doing

    def command(self, name, params=""):
        with self._changed:
            mark = len(self._events)
        text = json.dumps({"command": name, "params": params}).encode()
        self._socket.sendall(b"%d:%s," % (len(text), text))
        return mark

    def dial(self, user):
        return self.dial_uri("sip:%s@%s" % (user, self.domain))

    def dial_uri(self, uri):
        return self.command("dial", uri)

    def answer(self):
        return self.command("accept")

    def transfer(self, user):
        return self.command("transfer", "sip:%s@%s" % (user, self.domain))

    def hang_up(self):
        return self.command("hangup")

    # Seeing

    def mark(self):
        """A point in this phone's history, for wait(since=...)."""
        with self._changed:
            return len(self._events)

    def wait(self, kind, seconds=5, since=0):
        """The first event of this kind after the mark."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                for event in self._events[since:]:
                    if event.get("type") == kind:
                        return event
                left = deadline - time.monotonic()
                if left <= 0:
                    raise net.Failed("%s: no %s within %g s; it saw %s" % (
                        self.name, kind, seconds,
                        [e.get("type") for e in self._events[since:]]))
                self._changed.wait(left)

    def seen(self, kind, since=0):
        with self._changed:
            return [e for e in self._events[since:] if e.get("type") == kind]

    def in_calls(self):
        """The ids of the calls it is in."""
        return {e["id"] for e in self.seen("CALL_ESTABLISHED")} - {
            e["id"] for e in self.seen("CALL_CLOSED")}

    def wait_ringing(self, since, seconds=10):
        self.wait("CALL_INCOMING", seconds, since)

    def wait_quiet(self, since, seconds=10):
        """What rang after the mark does so no more."""
        rang = self.wait("CALL_INCOMING", 0, since)["id"]
        net.wait_for(lambda: rang in {e["id"] for e in self.seen("CALL_CLOSED", since)}, seconds,
                     "%s stops ringing" % self.name)

    def contacts(self):
        """What it shows of those it watches, as it prints it."""
        mark = self.command("contacts")

        def printed():
            with self._changed:
                return next((e for e in self._events[mark:] if e.get("response")), None)
        return net.wait_for(printed, 5, self.name + " prints its contacts").get("data", "")

    def recordings(self, direction="dec"):
        """What it heard ("dec") or said ("enc"), oldest call first."""
        return sorted(glob.glob(os.path.join(self.folder, "dump-*-%s.wav" % direction)))
