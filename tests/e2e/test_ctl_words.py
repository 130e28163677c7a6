#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""holdfastctl's command table, help, man page and bash completion say the same,
and so do help and man page of holdfastd.

Needs no daemon and no network. HF_BIN is the folder of the programs. Prints
"ok SENTENCE" or "not ok SENTENCE" a line; an argument runs only the sentences
that contain it.
"""
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAMS = os.environ.get("HF_BIN") or os.path.join(ROOT, "build")
CTL = os.path.join(PROGRAMS, "holdfastctl")
COMPLETION = os.path.join(ROOT, "scripts/completion/holdfastctl.bash")
MAN = os.path.join(ROOT, "Documentation/man/holdfastctl.8")


def output(*argv):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def tables():
    return json.loads(output(CTL, "-j", "help"))


def name(command):
    return " ".join(filter(None, (command["object"], command["command"])))


def usage(command):
    return " ".join(filter(None, (name(command), command["args"])))


def option(o):
    return (o["letter"], o["option"], o["args"])


def objects_of(o):
    """The objects that an option is for; none: for all."""
    return (o["objects"] or "").split()


def same(have, want, where):
    have, want = set(have), set(want)
    if have == want:
        return []
    return ["%s: missing %s, too much %s" % (where, sorted(map(str, want - have)),
                                            sorted(map(str, have - want)))]


def complete(*words):
    """What the shell offers for the last word."""
    script = 'source "$1"; shift; COMP_WORDS=(holdfastctl "$@"); COMP_CWORD=$#; ' \
             '_holdfastctl; printf "%s\\n" "${COMPREPLY[@]}"'
    return output("bash", "-c", script, "bash", COMPLETION, *words).split()


def help_names_every_command_and_option():
    "help names every command and option of the table"
    t = tables()
    text = output(CTL, "help")
    wrong = same(re.findall(r"^  ([a-z]+(?: [a-z-]+)?(?: \[?[A-Z]+\]?)*)  ", text, re.M),
                 map(usage, t["commands"]), "help")
    for o in t["options"]:
        letter = "-%s, " % o["letter"] if o["letter"] else "    "
        line = "%s--%s%s " % (letter, o["option"], " " + o["args"] if o["args"] else "")
        for where in [output(CTL, "help", x) for x in objects_of(o)] or [text]:
            if line not in where:
                wrong.append("help does not say " + line)
    return wrong


def every_command_has_help_of_its_own():
    "every command has help of its own, with an example that names it"
    wrong = []
    for c in tables()["commands"]:
        words = name(c).split()
        for argv in (["help"] + words, words + ["--help"]):
            text = output(CTL, *argv)
            if c["help"] not in text or "Example: holdfastctl" not in text:
                wrong.append("%s: %s" % (" ".join(argv), text))
        if name(c) not in c["example"]:
            wrong.append("the example of %s is %s" % (name(c), c["example"]))
    return wrong


def man_page_agrees():
    "the man page has every command and option of the table and no other"
    t = tables()
    text = read(MAN)
    sections = [s for s in re.findall(r'^\.SS "(.*)"$', text, re.M) if not s.startswith("help ")]
    found = re.findall(r"^\.TP\n\.B (?:\\-(\w), )?\\-\\-(\w+)(?: \\fI(\w+)\\fR)?$", text, re.M)
    return same(sections, map(usage, t["commands"]), "commands") + \
        same([(a or None, b, c or None) for a, b, c in found], map(option, t["options"]), "options")


def man_pages_of_the_daemons_agree():
    "the man pages of holdfastd and holdfast-mediad have every option of their help and no other"
    wrong = []
    for program in ("holdfastd", "holdfast-mediad"):
        text = output(os.path.join(PROGRAMS, program), "--help")
        man = read(os.path.join(os.path.dirname(MAN), program + ".8")).replace("\\-", "-")
        found = re.findall(r"^\.B (?:-\w, )?--([a-z-]+)(?: \\fI([^\\]+)\\fR)?$", man, re.M)
        options = re.findall(r"^  (?:-\w, |    )?--([a-z-]+)(?: (\S+))?(?:  |$)", text, re.M)
        wrong += same(found, options, "options of " + program)
    return wrong


def completion_agrees():
    "bash completion offers every object, command and option and no other"
    t = tables()
    objects = {c["object"] for c in t["commands"]}
    wrong = same(complete(""), objects | {"help"}, "objects")
    for o in objects:
        commands = {c["command"] for c in t["commands"] if c["object"] == o} - {None}
        wrong += same(complete(o, ""), commands | {"help"} if commands else set(), o)
        options = ["--" + x["option"] for x in t["options"]
                   if not x["objects"] or o in objects_of(x)]
        wrong += same(complete(o, "-"), options, "options of " + o)
    wrong += same(complete("-i", "two", "sl"), {"slot"}, "after an option")
    wrong += same(complete("help", "call", "sh"), {"show"}, "after help")
    return wrong


def man_page_of_the_configuration_is_made():
    "holdfast.yaml(5) is what scripts/man-config makes of the example"
    made = output(os.path.join(ROOT, "scripts/man-config"))
    have = read(os.path.join(os.path.dirname(MAN), "holdfast.yaml.5"))
    return [] if made == have else ["run: scripts/man-config >Documentation/man/holdfast.yaml.5"]


def man_pages_have_no_errors():
    "man pages are formatted without a warning"
    wrong = []
    folder = os.path.dirname(MAN)
    for page in sorted(os.listdir(folder)):
        done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", os.path.join(folder, page)],
                              stderr=subprocess.PIPE, text=True)
        if done.stderr or done.returncode:
            wrong.append(done.stderr)
    return wrong


def main():
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    failed = False
    for test in (help_names_every_command_and_option, every_command_has_help_of_its_own,
                 man_page_agrees, man_pages_of_the_daemons_agree, completion_agrees,
                 man_page_of_the_configuration_is_made, man_pages_have_no_errors):
        if wanted not in test.__doc__:
            continue
        wrong = test()
        print("%s %s" % ("not ok" if wrong else "ok", test.__doc__))
        for line in "\n".join(wrong).splitlines():
            print("# " + line)
        failed = failed or bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
