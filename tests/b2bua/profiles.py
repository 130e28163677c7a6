# SPDX-License-Identifier: GPL-2.0-or-later
"""What differs between makes of PBX, as far as a park server notices it. The PBX
(pbx.py, call.py) asks its profile; a profile decides nothing else."""


class Profile:
    """Plain: RFC 3892, media straight from end to end."""
    name = "plain"
    # Media: "through" (never here), "relay" (always through the PBX), "direct"
    # (through the PBX until both legs are up, then a re-INVITE on each).
    media = "through"
    # From towards the anchor is the PBX's own; who calls stands in PAI alone.
    own_from = False
    # INVITEs towards the anchor carry no offer, and re-INVITEs neither.
    late_offer = False
    # Ringing is told reliably to who supports it (RFC 3262), and is to be told
    # reliably by the anchor.
    reliable = False
    # After an attended transfer the far side learns of its new party by
    # "reinvite" (with the new identity), "update" (re-INVITE, then UPDATE with
    # it) or "silent" (nothing is sent at all).
    swap = "reinvite"

    @staticmethod
    def transfer_headers(transferor, target):
        return (("Referred-By", "<%s>" % transferor),)


class Diverting(Profile):
    """Marks a transferred call as diverted by the transferor (RFC 5806)."""
    name = "diversion"

    @staticmethod
    def transfer_headers(transferor, target):
        return (("Diversion", "<%s>;reason=unconditional" % transferor),)


class Historic(Profile):
    """Marks a transferred call by its history (RFC 7044)."""
    name = "history"

    @staticmethod
    def transfer_headers(transferor, target):
        return (("History-Info", "<%s>;index=1, <%s>;index=1.1;rc=1" % (transferor, target)),)


class Asterisk(Diverting):
    """chan_pjsip with send_pai, send_diversion, connected line updates and
    direct media."""
    name = "asterisk"
    media = "direct"


class FreeSwitch(Profile):
    """mod_sofia: media always anchored, a gateway's own From, and a far party
    that is bridged to somebody else without a word. A transfer leaves no mark."""
    name = "freeswitch"
    media = "relay"
    own_from = True
    swap = "silent"

    @staticmethod
    def transfer_headers(transferor, target):
        return ()


class Cucm(Diverting):
    """Delayed offer on the trunk, 100rel, media from end to end, and identity
    in an UPDATE after the re-INVITE."""
    name = "cucm"
    late_offer = True
    reliable = True
    swap = "update"


PROFILES = {p.name: p for p in (Profile, Diverting, Historic, Asterisk, FreeSwitch, Cucm)}
