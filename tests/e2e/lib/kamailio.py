# SPDX-License-Identifier: GPL-2.0-or-later
"""The proxy of Documentation/integrate-kamailio.md, run as it stands there."""
import os
import re
import shutil

from . import net, sip
from .exchange import DOMAIN, Direct
from .office import Phone
from .testing import Skip

PAGE = os.path.join(net.ROOT, "Documentation/integrate-kamailio.md")
TABLES = "/usr/share/kamailio/dbtext/kamailio"
OUTSIDE = "carrier.example"


class Kamailio(Direct):
    """Phones register with digest; who is outside comes from a gateway."""
    name, title = "kamailio", "behind a Kamailio"

    def __init__(self, more=()):
        """`more`: users beyond the scripted phones."""
        self.more = list(more)

    def begin(self, scene):
        self.scene = scene
        self.program = shutil.which("kamailio", path="/usr/sbin:" + os.environ.get("PATH", ""))
        if not self.program or not os.path.isdir(TABLES):
            raise Skip("kamailio is not installed")
        self.loop = sip.Loop().start()
        scene.stage.on_close(self.loop.stop)
        self.phones = {}
        self.users = []     # those who register

    def phone(self, stage, namespace, address, user, display, port=5060):
        phone = Phone(stage, self, namespace, address, user, display, port=port)
        self.phones[user] = phone
        if len(user) == 4:
            phone.knows(self.password(user))
            self.users.append(user)
        return phone

    @staticmethod
    def password(user):
        return "secret of " + user

    def ready(self):
        self.start()
        for user in self.users:
            answer = self.phones[user].ask("REGISTER", "sip:" + DOMAIN, (("Expires", "600"),))
            if answer is None or answer.status != 200:
                raise net.Failed("%s cannot register: %s" % (
                    user, answer and answer.first_line()))

    def start(self):
        stage = self.scene.stage
        folder = os.path.join(stage.folder, "kamailio")
        users = os.path.join(folder, "users")
        os.makedirs(users)
        shutil.copy(os.path.join(TABLES, "version"), users)
        with open(os.path.join(users, "subscriber"), "w") as f:
            f.write("id(int,auto) username(string) domain(string) password(string)\n")
            for i, user in enumerate(self.users + self.more):
                f.write("%d:%s:%s:%s\n" % (i + 1, user, DOMAIN, self.password(user)))
        config = os.path.join(folder, "kamailio.cfg")
        with open(PAGE) as page, open(config, "w") as f:
            f.write(re.search(r"(?ms)^```\n(#!KAMAILIO\n.*?)^```$", page.read()).group(1))
        process = stage.spawn(
            stage.pbx, "kamailio", self.program, "-DD", "-E", "-f", config, "-Y", folder,
            "-P", os.path.join(folder, "pid"), "-m", "32", "-M", "8",
            "-A", 'USERS="text://%s"' % users)

        def listens():
            if not process.alive():
                raise net.Failed("kamailio ended:\n" + process.text()[-3000:])
            return ":5060" in stage.pbx.run("ss", "-Hlun")
        net.wait_for(listens, 20, "kamailio listens")

    def identity(self, user):
        return "sip:%s@%s" % (user, DOMAIN if len(user) == 4 else OUTSIDE)

    def uri(self, user):
        return "sip:%s@%s" % (user, DOMAIN)

    def next_hop(self, uri):
        return net.PBX, 5060

    def own_headers(self, phone, headers):
        return tuple(headers)
