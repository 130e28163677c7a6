# SPDX-License-Identifier: GPL-2.0-or-later
"""Another make of real phone: linphone's console client, one process and one
folder each, driven by its prompt. It talks with a tone of its own and records
what it hears."""
import os
import re
import shutil
import subprocess

from . import audio, net

_CONFIG = """\
[sip]
sip_port={port}
guess_hostname=0
use_ipv6=0
inc_timeout=60
register_only_when_network_is_up=0
default_proxy=0
keepalive_period=0
[net]
mtu=1300
firewall_policy=0
[rtp]
audio_rtp_port={rtp}
audio_jitt_comp=40
[sound]
echocancellation=0
[video]
enabled=0
[misc]
log_collection=0
[auth_info_0]
username={user}
passwd={password}
realm="{domain}"
domain={domain}
[proxy_0]
reg_proxy=<sip:{proxy}>
reg_route=<sip:{proxy};lr>
reg_identity="{display}" <sip:{user}@{domain}>
reg_expires=600
reg_sendregister=1
publish=0
"""

_ENDED = r"Call (\d+) with .* ended"


class Linphone:
    """Does what phone.Phone does, by the same names."""

    _count = 0

    def __init__(self, stage, namespace, name, user, display, address, tone, password="",
                 proxy=net.PBX, domain="pbx.example.com", port=5060, seconds=30):
        Linphone._count += 1
        self.name, self.user, self.tone, self.domain = name, user, tone, domain
        self.folder = os.path.join(stage.folder, name)
        os.makedirs(os.path.join(self.folder, ".local/share/linphone"))
        self.says = os.path.join(self.folder, "says.wav")
        self.heard = os.path.join(self.folder, "heard.wav")
        audio.write_wav(self.says, audio.tone(tone, seconds))
        with open(os.path.join(self.folder, "linphonerc"), "w") as f:
            f.write(_CONFIG.format(port=port, rtp=32000 + 100 * Linphone._count, user=user,
                                   password=password, domain=domain, proxy=proxy,
                                   display=display))
        self.process = stage.spawn(
            namespace, name, shutil.which("stdbuf"), "-oL", "linphonec", "-c",
            os.path.join(self.folder, "linphonerc"), stdin=subprocess.PIPE,
            env=dict(os.environ, HOME=self.folder, TERM="dumb"))
        self.command("soundcard use files %s" % self.says)
        self.command("record %s" % self.heard)

    def command(self, line):
        """Type a line; where its output begins."""
        mark = len(self.process.text())
        self.process.popen.stdin.write(line.encode() + b"\n")
        self.process.popen.stdin.flush()
        return mark

    def registered(self):
        """It prints its state only when it is asked."""
        def told():
            mark = self.command("status register")
            return net.settles(lambda: "identity=" in self.process.text()[mark:], 1)
        net.wait_for(told, 20, "%s is registered; it said:\n%s" % (
            self.name, self.process.text()[-800:]))

    def speak(self):
        """In the call there is now."""
        self.command("play %s" % self.says)

    # Doing, by the words of phone.Phone

    def dial(self, user):
        return self.dial_uri("sip:%s@%s" % (user, self.domain))

    def dial_uri(self, uri):
        return self.command("call " + uri)

    def answer(self):
        return self.command("answer")

    def transfer(self, user):
        return self.command("transfer sip:%s@%s" % (user, self.domain))

    def transfer_to(self, one, other):
        """Attended: the party of one of its calls to that of another."""
        return self.command("transfer %d --to-call %d" % (one, other))

    def hold(self):
        return self.command("pause")

    def resume(self):
        return self.command("resume")

    def hang_up(self):
        return self.command("terminate")

    # Seeing

    def mark(self):
        """A point in what it says, for wait_ringing() and wait_quiet()."""
        return len(self.process.text())

    def _calls(self, how, since=0):
        """The numbers of the calls of which it says so."""
        return set(re.findall(how, self.process.text()[since:]))

    def in_calls(self):
        return self._calls(r"Call (\d+) with .* connected\.") - self._calls(_ENDED)

    def _rang(self, since):
        return self._calls(r"new incoming call from .*, assigned id (\d+)", since)

    def wait_ringing(self, since, seconds=10):
        net.wait_for(lambda: self._rang(since), seconds, "%s rings" % self.name)

    def wait_quiet(self, since, seconds=10):
        """What rang after the mark does so no more."""
        net.wait_for(lambda: self._rang(since) <= self._calls(_ENDED), seconds,
                     "%s stops ringing" % self.name)
