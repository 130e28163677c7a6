#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What people copy out of the documentation works as it stands there. (The whole
Kamailio of integrate-kamailio.md runs in test_flows_kamailio.py.)"""
import glob
import json
import os
import re
import subprocess
import xml.etree.ElementTree

from lib import anchor, net
from lib.testing import Wrong, check, main, scenario

PAGES = sorted(glob.glob(os.path.join(net.ROOT, "Documentation/*.md")))


def pieces(language):
    """(where it stands, text) of each block in this language."""
    for page in PAGES:
        with open(page, encoding="utf-8") as f:
            text = f.read()
        for block in re.finditer(r"(?ms)^( *)```%s\n(.*?)^ *```$" % language, text):
            line = text[:block.start()].count("\n") + 2
            yield "%s:%d" % (os.path.basename(page), line), block.group(2)


def laid_over(base, piece):
    """A whole configuration with this piece in it."""
    if isinstance(base, dict) and isinstance(piece, dict):
        return {**base, **{k: laid_over(base.get(k), v) for k, v in piece.items()}}
    return piece


@scenario
def configuration(s):
    "every piece of configuration in the documentation is accepted, and each page of a PBX has a whole one"
    import yaml
    base = anchor.config()
    for lot in base["lots"]:
        lot.pop("labels")
    base["audio"]["clips"][0]["file"] = anchor.hold_audio(os.path.join(s.folder, "hold.wav"))
    found, wrong = {}, []
    for place, text in pieces("yaml"):
        piece = yaml.safe_load(text)
        if "scrape_configs" in piece:   # Prometheus's own file
            continue
        found.setdefault(place.split(":")[0], set()).update(piece)
        usual = base["lots"][0]
        if "lots" in piece:
            # A page may show the keys it is about; numbers are the usual ones.
            piece["lots"] = [{k: v for k, v in laid_over(usual, lot).items()
                              if k in lot or not k.endswith("_prefix")}
                             for lot in piece["lots"]]
        path = os.path.join(s.folder, "piece.yaml")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(laid_over(base, piece), f, indent=1)
        done = subprocess.run([os.path.join(anchor.programs(), "holdfastd"), "--check-config", path],
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            wrong.append("%s:\n%s" % (place, done.stdout))
    if wrong:
        raise Wrong("\n".join(wrong))
    for page in PAGES:
        name = os.path.basename(page)
        if name.startswith("integrate-"):
            check({"sip", "lots"} <= found.get(name, set()), name + " has no whole configuration")


@scenario
def dialplans(s):
    "every piece of XML in the documentation is well-formed, and no link between its pages is broken"
    for place, text in pieces("xml"):
        try:
            xml.etree.ElementTree.fromstring(text)
        except xml.etree.ElementTree.ParseError as error:
            raise Wrong("%s: %s" % (place, error)) from None
    for page in PAGES:
        with open(page, encoding="utf-8") as f:
            text = f.read()
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            check(os.path.exists(os.path.join(os.path.dirname(page), link)),
                  "%s leads to %s, which is not there" % (os.path.basename(page), link))


if __name__ == "__main__":
    raise SystemExit(main())
