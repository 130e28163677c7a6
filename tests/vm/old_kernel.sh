#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Inside a VM whose kernel is too old (scripts/vm 5.10): what holdfastd says.
# Prints "ok SENTENCE" or "not ok SENTENCE" as tests/unit/test.h does.
set -u
sentence="a kernel without what is needed is named in one sentence"
d=$(mktemp -d)
ip link add hf0 type veth peer name hf1
ip addr add 192.0.2.10/24 dev hf0
ip link set hf0 up
ip link set hf1 up
# half a second of silence: 8 kHz, 16 bit, mono
{
	printf 'RIFF\x64\x1f\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00'
	printf '\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x40\x1f\x00\x00'
	head -c 8000 /dev/zero
} >"$d/a.wav"
cat >"$d/h.yaml" <<YAML
sip: { listen: [ "udp:192.0.2.10:5060" ], trusted: [ 192.0.2.0/24 ], internal: [ "1???@*" ] }
media: { addresses: [ { address: 192.0.2.10, interface: hf0 } ], ports: 20000-20199 }
audio: { memory_mib: 4, clips: [ { name: default, file: $d/a.wav } ] }
control: { socket: $d/c.sock, state_dir: $d }
lots: [ { name: main, park: "700", slots: 701-705, hold_audio: default } ]
YAML
"${1:-build/holdfastd}" --config "$d/h.yaml" --instance old >"$d/out" 2>"$d/err"
status=$?
sed 's/^/# /' "$d/out" "$d/err"
lines=$(grep -c 'kernel' "$d/err")
if [ $status = 1 ] && [ "$lines" = 1 ] && [ ! -s "$d/out" ] &&
	grep -qE "$(uname -r).*Linux 6.1 or newer" "$d/err"; then
	echo "ok $sentence"
else
	echo "not ok $sentence: exit $status, $lines lines"
	exit 1
fi
