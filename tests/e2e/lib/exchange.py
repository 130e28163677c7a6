# SPDX-License-Identifier: GPL-2.0-or-later
"""What stands between the phones and Holdfast: nothing, a PBX of some make, or
a Kamailio. And the office in which the flows are played (flows.py).

The exchanges differ in what reaches Holdfast, so a flow may ask for:

  consumes     REFER and Replaces of the phones end here
  marks        a blind transfer names the transferor
  hides_loops  media of what it connects with itself is never seen to be ours
  identifies   after an attended transfer Holdfast is told of its new party
"""
from . import audio, lamp, net, pbxctl, sip, ua, wire
from .office import Phone
from .testing import scenario

DOMAIN = pbxctl.DOMAIN
CARLA, DORA = "4930111111", "4930222222"    # two who call from outside


class Direct:
    """Nothing: every phone signals from the one address that Holdfast trusts."""
    name, title = "direct", "with nothing in between"
    consumes, marks, identifies, hides_loops = False, True, True, False
    reliable = False
    settings = {}

    def begin(self, scene):
        self.loop = sip.Loop().start()
        scene.stage.on_close(self.loop.stop)
        self.phones = {}
        self.endpoint = sip.Endpoint(self.loop, scene.stage.pbx.udp(net.PBX, 5060), self, "desk")
        scene.stage.on_close(self.endpoint.sock.close)

    def on_invite(self, dialog, transaction):
        request = transaction.request
        phone = self.phones.get(sip.user_of(request.uri))
        if request.get("replaces"):     # to the Contact that all share
            phone = next((p for p in self.phones.values() if p.replaced(request)), None)
        if phone:
            phone.on_invite(dialog, transaction)
        else:
            transaction.respond(404)

    def phone(self, stage, namespace, address, user, display, port=5060):
        phone = Phone(stage, self, namespace, address, user, display, self.endpoint)
        self.phones[user] = phone
        return phone

    def ready(self):
        pass

    def identity(self, user):
        return "sip:%s@%s" % (user, DOMAIN)

    def uri(self, user):
        host = net.PBX if user in self.phones else net.ANCHOR_TRUNK
        return "sip:%s@%s:5060" % (user, host)

    def next_hop(self, uri):
        return sip.host_of(uri)

    def own_headers(self, phone, headers):
        return (("P-Asserted-Identity", phone.name_addr),) + tuple(headers)


class Pbx(Direct):
    """tests/b2bua, with a profile."""
    consumes = True

    def __init__(self, profile, title, marks, identifies):
        self.name, self.title = profile, title
        self.marks, self.identifies = marks, identifies
        self.hides_loops = profile == "freeswitch"
        self.reliable = profile == "cucm"

    def begin(self, scene):
        self.stage = scene.stage
        self.loop = sip.Loop().start()
        scene.stage.on_close(self.loop.stop)
        self.phones = {}

    def phone(self, stage, namespace, address, user, display, port=5060):
        phone = Phone(stage, self, namespace, address, user, display, port=port)
        self.phones[user] = phone
        return phone

    def ready(self):
        self.pbx = pbxctl.Pbx(self.stage, {
            u: "%s:%d" % p.endpoint.address for u, p in self.phones.items()}, profile=self.name)

    def uri(self, user):
        return "sip:%s@%s:5060" % (user, net.PBX)

    def next_hop(self, uri):
        return net.PBX, 5060

    def own_headers(self, phone, headers):
        return tuple(headers)


PBXS = [
    Pbx("asterisk", "behind a PBX like Asterisk", marks=True, identifies=True),
    Pbx("freeswitch", "behind a PBX like FreeSWITCH", marks=False, identifies=False),
    Pbx("cucm", "behind a PBX like CUCM", marks=True, identifies=True),
]


class Office:
    """An anchor, an exchange, and who has a phone: Anna, Bob and Cid in the
    office, Carla and Dora outside."""

    def __init__(self, scene, exchange, **settings):
        self.scene, self.exchange = scene, exchange
        stage = self.stage = scene.stage
        exchange.begin(scene)
        self.carla = exchange.phone(stage, stage.caller, net.CALLER, CARLA, "Carla Caller")
        self.dora = exchange.phone(stage, stage.caller2, net.CALLER2, DORA, "Dora Dialler")
        self.anna = exchange.phone(stage, stage.phone_a, net.PHONE_A, "1001", "Anna")
        self.bob = exchange.phone(stage, stage.phone_b, net.PHONE_B, "1002", "Bob")
        self.cid = exchange.phone(stage, stage.phone_b, net.PHONE_B, "1003", "Cid", port=5063)
        self.anchor = scene.anchor(**dict(exchange.settings, **settings))
        exchange.ready()
        self.music = None

    def phones(self):
        return self.carla, self.dora, self.anna, self.bob, self.cid

    # What people do

    def connected(self):
        """Carla has called Anna, and they talk: their lines."""
        line = self.carla.call("1001")
        agent = self.anna.rings().accept()
        line.talk()
        line.hears(agent)
        agent.hears(line)
        return line, agent

    def parked(self, to="700", slot=701):
        """Anna has parked Carla, blind: Carla's line."""
        line, agent = self.connected()
        agent.transfer(to)
        agent.released()
        self.anchor.wait_slot(slot, "parked", 8)
        return line.sent_on or line

    def picked_up(self, phone, to="701", **how):
        line = phone.call(to, **how)
        return line.talk()

    def ring_reliably(self, line):
        """The phone, or the PBX for it, rings and is to be told that it was heard."""
        if line.ring_reliably() or not self.exchange.consumes:
            return
        rang = self.exchange.pbx.wait("ringing", user=line.peer.user)
        if self.exchange.reliable and not rang["reliable"]:
            raise net.Failed("the PBX could not ring reliably")
        if rang["reliable"]:
            self.exchange.pbx.wait("prack", known=True)

    def lamp(self, phone, slot):
        """What a key of this phone learns of the slot: Replaces for its call."""
        shown = lamp.Lamp(self.stage, slot, user=phone.user)
        dialogs = []

        def seen():
            for part in (p for m in list(shown.notifies) for p in lamp.parts_of(m)):
                dialogs.extend(d for d in part.root.iter("{%s}dialog" % lamp.NS["d"])
                               if d.get("call-id"))
            return dialogs
        net.wait_for(seen, 5, "the lamp of slot %s names a dialog" % slot)
        d = dialogs[-1]
        return "%s;to-tag=%s;from-tag=%s" % (d.get("call-id"), d.get("local-tag"),
                                             d.get("remote-tag"))

    # What they hear

    def hears_music(self, line, seconds=10):
        """The lot's clip arrives, and nobody else's voice."""
        if self.music is None:
            self.music = audio.read_wav(self.anchor.audio_path)
        start, best = len(line.media.received), [0.0]

        def plays():
            came = [wire.rtp_of(d) for d in map(_datagram, line.media.received[start:])]
            came = [p for p in came if p and p.pt in audio.DECODE and len(p.payload) == 160][-20:]
            if len(came) < 20:
                return False
            pieces = b"".join(p.payload for p in came)
            best[0] = audio.find(audio.decode(pieces, came[-1].pt), self.music)[1]
            return best[0] > 0.9
        net.wait_for(plays, seconds, lambda: "%s hears music (%d packets came, likeness %.2f)" % (
            line.peer.user, len(line.media.received) - start, best[0]))

    def hears_no_more(self, line, seconds=10):
        """Nothing arrives any more."""
        last = [-1]

        def quiet():
            net.linger(0.1)
            before, last[0] = last[0], len(line.media.received)
            return before == last[0]
        net.wait_for(quiet, seconds, "%s hears nothing more" % line.peer.user)

    # What must hold

    def caller_in(self, slot, state="parked"):
        return self.anchor.wait_slot(slot, state, 8)

    def nothing_left(self):
        net.wait_for(lambda: self.anchor.calls() == [], 8, "the call list is empty: %s" %
                     self.anchor.calls())
        states = {l["slot"]: l["state"] for l in self.anchor.slots().values()
                  if l["state"] != "free"}
        if states:
            raise net.Failed("slots are still taken: %s" % states)
        open_legs = self.anchor.ctl("status")["legs_open"]
        if open_legs:
            raise net.Failed("%d legs are still open" % open_legs)

    def no_strangers(self):
        """Carla and Dora have never heard each other."""
        for one, other in (self.carla, self.dora), (self.dora, self.carla):
            for mine in one.all_media:
                for theirs in other.all_media:
                    match = ua.from_media(theirs)
                    if any(match(d) for _, d in mine.received):
                        raise net.Failed("%s has heard %s" % (one.user, other.user))

    def close(self):
        """Everybody hangs up, and nothing is left."""
        for phone in self.phones():
            for line in phone.lines:
                if line.dialog.state == "confirmed":
                    line.hang_up()
                elif line.media:
                    line.media.stop()
        self.nothing_left()
        self.no_strangers()
        if self.exchange.reliable:
            self.all_acknowledged()

    def all_acknowledged(self):
        """What the PBX said reliably to the anchor has had its PRACK."""
        said = [e["event"] for e in self.exchange.pbx.events() if e.get("reliable")]
        known = [e["known"] for e in self.exchange.pbx.events() if e["event"] == "prack"]
        if known != [True] * len(said):
            raise net.Failed("%d answers were reliable; the PRACKs: %s" % (len(said), known))


def _datagram(entry):
    d = wire.Datagram()
    d.time, d.data = entry
    d.src = d.dst = d.side = d.checksum_ok = None
    return d


def cells(flows, exchanges):
    """A scenario for each flow behind each exchange."""
    for exchange in exchanges:
        for flow in flows:
            scenario(_cell(flow, exchange))


def _cell(flow, exchange):
    def play(scene):
        office = Office(scene, exchange, **flow.settings)
        flow(office)
        office.close()
    play.__name__ = "%s_%s" % (flow.__name__, exchange.name)
    play.__doc__ = "(%s) %s, %s" % (flow.number, flow.__doc__, exchange.title)
    return play
