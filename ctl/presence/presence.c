// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Presence of a slot or a lot: application/pidf+xml (RFC 3863) with the person
 * on the phone (RFC 4480), the older application/xpidf+xml, and the call-park
 * document of phones in BroadWorks mode. As in other PBXs a slot that is taken
 * stays "open"; what is taken says that somebody is on the phone.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "body.h"

/* The slot that is shown: the slot itself, or the oldest of the lot. */
static bool look_at(struct hf_document *d, struct hf_lamp_look *look)
{
	const struct hf_lamp_lot *lot = (const void *)d->on;
	const struct hf_lamp_slot *slot = (const void *)d->on;

	if (d->on->kind == HF_LAMP_LOT)
		slot = lot->oldest;
	if (!slot || !hf_lamps_look(d->lamps, slot->index, look))
		return false;
	return true;
}

void hf_lamp_note(struct hf_document *d, char *text, size_t len)
{
	static const char *const word[] = { [HF_LAMP_FREE] = "Free",
					    [HF_LAMP_TAKEN] = "Reserved",
					    [HF_LAMP_PARKED] = "Parked",
					    [HF_LAMP_RECALLING] = "Ringing back" };
	const struct hf_lamp_lot *lot = (const void *)d->on;
	struct hf_lamp_look look;
	char since[16] = "";
	struct tm tm;
	time_t at;

	if (!look_at(d, &look) || look.shown == HF_LAMP_FREE) {
		snprintf(text, len, "Free");
		return;
	}
	at = (time_t)(look.since_wall_ms / 1000);
	if (localtime_r(&at, &tm))
		strftime(since, sizeof(since), "%H:%M", &tm);
	if (d->on->kind == HF_LAMP_LOT)
		snprintf(text, len, "%u waiting, oldest %s since %s",
			 lot->waiting, look.slot, since);
	else
		snprintf(text, len, "%s: %s since %s", word[look.shown],
			 look.slot, since);
}

void hf_pidf_write(struct hf_xml *x, struct hf_document *d)
{
	struct hf_lamp_look look;
	char note[160], number[64];
	bool taken = look_at(d, &look) && look.shown != HF_LAMP_FREE;

	hf_lamp_note(d, note, sizeof(note));
	hf_lamp_resource_number(d->lamps, d->on, number, sizeof(number));
	hf_xml_start(x, "presence");
	hf_xml_attribute(x, "xmlns", "urn:ietf:params:xml:ns:pidf");
	hf_xml_attribute(x, "xmlns:dm", "urn:ietf:params:xml:ns:pidf:data-model");
	hf_xml_attribute(x, "xmlns:rpid", "urn:ietf:params:xml:ns:pidf:rpid");
	hf_xml_attribute(x, "entity", "%s", d->entity);
	hf_xml_start(x, "tuple");
	/* An xs:ID begins with a letter and has no * or #. */
	hf_xml_attribute(x, "id", "t%u", d->on->kind == HF_LAMP_SLOT ?
			 ((struct hf_lamp_slot *)d->on)->index : 0);
	hf_xml_start(x, "status");
	hf_xml_start(x, "basic");
	hf_xml_text(x, "open");
	hf_xml_end(x);
	hf_xml_end(x);
	hf_xml_start(x, "contact");
	hf_xml_text(x, "%s", d->entity);
	hf_xml_end(x);
	hf_xml_start(x, "note");
	hf_xml_text(x, "%s", note);
	hf_xml_end(x);
	hf_xml_end(x);
	hf_xml_start(x, "note");
	hf_xml_text(x, "%s", note);
	hf_xml_end(x);
	hf_xml_start(x, "dm:person");
	hf_xml_attribute(x, "id", "p1");
	if (taken) {
		hf_xml_start(x, "rpid:activities");
		hf_xml_start(x, "rpid:on-the-phone");
		hf_xml_end(x);
		hf_xml_end(x);
	}
	hf_xml_end(x);
	hf_xml_end(x);
}

void hf_xpidf_write(struct hf_xml *x, struct hf_document *d)
{
	struct hf_lamp_look look;
	bool taken = look_at(d, &look) && look.shown != HF_LAMP_FREE;

	hf_xml_start(x, "presence");
	hf_xml_start(x, "presentity");
	hf_xml_attribute(x, "uri", "%s;method=SUBSCRIBE", d->entity);
	hf_xml_end(x);
	hf_xml_start(x, "atom");
	hf_xml_attribute(x, "id", "a1");
	hf_xml_start(x, "address");
	hf_xml_attribute(x, "uri", "%s;user=ip", d->entity);
	hf_xml_attribute(x, "priority", "0.8");
	hf_xml_start(x, "status");
	hf_xml_attribute(x, "status", "%s", taken ? "inuse" : "open");
	hf_xml_end(x);
	hf_xml_start(x, "msnsubstatus");
	hf_xml_attribute(x, "substatus", "%s", taken ? "onthephone" : "online");
	hf_xml_end(x);
	hf_xml_end(x);
	hf_xml_end(x);
	hf_xml_end(x);
}

void hf_call_info_write(struct hf_xml *x, struct hf_document *d)
{
	struct hf_lamp_look look;

	hf_xml_start(x, "x-broadworks-callpark-info");
	hf_xml_attribute(x, "xmlns", "http://schema.broadsoft.com/callpark");
	hf_xml_start(x, "callpark");
	if (look_at(d, &look) && look.shown != HF_LAMP_FREE) {
		hf_xml_start(x, "parked");
		hf_xml_start(x, "identity");
		if (*look.name)
			hf_xml_attribute(x, "display", "%s", look.name);
		hf_xml_text(x, "%s", look.uri);
		hf_xml_end(x);
		hf_xml_end(x);
	}
	hf_xml_end(x);
	hf_xml_end(x);
}
