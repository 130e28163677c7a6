// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * application/dialog-info+xml (RFC 4235). A slot is one dialog whose id is the
 * slot, so that what a phone knows of it is replaced and never added to. Whole
 * lots have a dialog for each slot that is not free, and are told only what
 * has changed.
 */
#include <stdio.h>
#include <string.h>

#include "body.h"

static void participant(struct hf_xml *x, const char *side, const char *display,
			const char *identity, const char *target, bool held)
{
	hf_xml_start(x, side);
	hf_xml_start(x, "identity");
	if (display && *display)
		hf_xml_attribute(x, "display", "%s", display);
	hf_xml_text(x, "%s", identity);
	hf_xml_end(x);
	hf_xml_start(x, "target");
	hf_xml_attribute(x, "uri", "%s", target);
	if (held) { /* RFC 4235 4.1.6.2: on hold; in the words of RFC 5359 */
		hf_xml_start(x, "param");
		hf_xml_attribute(x, "pname", "+sip.rendering");
		hf_xml_attribute(x, "pval", "no");
		hf_xml_end(x);
	}
	hf_xml_end(x);
	hf_xml_end(x);
}

/* `of_lot`: what the slot's own side is called in a whole-lot document. */
static void live_dialog(struct hf_xml *x, const struct hf_lamp_look *look,
			const char *slot_uri, const char *entity,
			const char *of_lot)
{
	bool early = look->shown == HF_LAMP_RECALLING ||
		     (look->shown == HF_LAMP_PARKED && look->early);

	hf_xml_start(x, "dialog");
	hf_xml_attribute(x, "id", "%s", look->slot);
	if (look->call_id && look->shown != HF_LAMP_TAKEN) {
		hf_xml_attribute(x, "call-id", "%s", look->call_id);
		hf_xml_attribute(x, "local-tag", "%s", look->local_tag);
		hf_xml_attribute(x, "remote-tag", "%s", look->remote_tag);
	}
	hf_xml_attribute(x, "direction", "recipient");
	hf_xml_start(x, "state");
	hf_xml_text(x, "%s", early ? "early" : "confirmed");
	hf_xml_end(x);
	participant(x, "local", of_lot ? of_lot : look->label, entity, slot_uri,
		    true);
	participant(x, "remote", look->name, look->uri, look->uri, false);
	hf_xml_end(x);
}

static void ended_dialog(struct hf_xml *x, const char *slot, const char *event)
{
	hf_xml_start(x, "dialog");
	hf_xml_attribute(x, "id", "%s", slot);
	hf_xml_attribute(x, "direction", "recipient");
	hf_xml_start(x, "state");
	if (event)
		hf_xml_attribute(x, "event", "%s", event);
	hf_xml_text(x, "terminated");
	hf_xml_end(x);
	hf_xml_end(x);
}

static void slot_dialogs(struct hf_xml *x, struct hf_document *d)
{
	const struct hf_lamp_slot *slot = (const void *)d->on;
	struct hf_lamp_look look;

	if (!hf_lamps_look(d->lamps, slot->index, &look))
		return;
	d->ret_lit = look.shown != HF_LAMP_FREE;
	if (d->ret_lit)
		live_dialog(x, &look, d->entity, d->entity, NULL);
	else if (d->lit || look.idle_terminated)
		/* "Ended" is said once; afterwards there is none. */
		ended_dialog(x, look.slot, d->lit ? look.ended : NULL);
}

static void lot_dialog(struct hf_xml *x, struct hf_document *d,
		       const struct hf_lamp_slot *slot, const char *note)
{
	struct hf_lamp_look look;
	char uri[256];

	if (!hf_lamps_look(d->lamps, slot->index, &look))
		return;
	if (look.shown == HF_LAMP_FREE) {
		ended_dialog(x, look.slot, look.ended);
		return;
	}
	hf_lamp_uri_beside(d->entity, look.slot, uri, sizeof(uri));
	live_dialog(x, &look, uri, d->entity, note);
}

static void lot_dialogs(struct hf_xml *x, struct hf_document *d)
{
	const struct hf_lamp_lot *lot = (const void *)d->on;
	const struct hf_lamp_slot *slot;
	unsigned int n = 0;
	char note[160];

	hf_lamp_note(d, note, sizeof(note));
	if (!d->full) {
		for (slot = lot->newest; slot && slot->resource.seq > d->since;
		     slot = slot->older)
			lot_dialog(x, d, slot, note);
		return;
	}
	for (slot = lot->oldest; slot && n < HF_LAMP_LOT_DIALOGS;
	     slot = slot->next, n++)
		lot_dialog(x, d, slot, note);
}

void hf_dialog_write(struct hf_xml *x, struct hf_document *d)
{
	const struct hf_lamp_lot *lot = (const void *)d->on;

	/* A document that could not show all of the lot is no ground for a
	 * partial one. */
	if (d->on->kind == HF_LAMP_LOT && lot->crowded_seq >= d->since &&
	    lot->crowded_seq)
		d->full = true;
	hf_xml_start(x, "dialog-info");
	hf_xml_attribute(x, "xmlns", "urn:ietf:params:xml:ns:dialog-info");
	hf_xml_attribute(x, "version", "%u", d->version);
	hf_xml_attribute(x, "state", "%s", d->full ? "full" : "partial");
	hf_xml_attribute(x, "entity", "%s", d->entity);
	if (d->on->kind == HF_LAMP_LOT)
		lot_dialogs(x, d);
	else
		slot_dialogs(x, d);
	hf_xml_end(x);
}
