/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing documents: dialog.c and presence.c each write one kind with
 * the writer of body.c, which escapes and refuses what XML cannot have.
 */
#ifndef HOLDFAST_PRESENCE_BODY_H
#define HOLDFAST_PRESENCE_BODY_H

#include "internal.h"

struct hf_xml;

/* Names and values are as printf leaves them; anything a stranger wrote is made
 * UTF-8 without control characters. */
void hf_xml_start(struct hf_xml *, const char *element);
void hf_xml_end(struct hf_xml *);
void hf_xml_attribute(struct hf_xml *, const char *name, const char *format,
		      ...) __attribute__((format(printf, 3, 4)));
void hf_xml_text(struct hf_xml *, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* What a document shows, and to whom. */
struct hf_document {
	struct hf_lamps *lamps;
	struct hf_lamp_resource *on;
	const char *entity;
	uint32_t version;
	bool full;
	uint64_t since; /* partial: changes after this one */
	bool lit;	/* what this watcher was told last had a dialog */
	bool ret_lit;	/* and what is written now */
};

void hf_dialog_write(struct hf_xml *, struct hf_document *);
void hf_pidf_write(struct hf_xml *, struct hf_document *);
void hf_xpidf_write(struct hf_xml *, struct hf_document *);
void hf_call_info_write(struct hf_xml *, struct hf_document *);
/* "Parked: 701 since 10:42", "3 waiting, oldest 701 since 10:42". */
void hf_lamp_note(struct hf_document *, char *text, size_t len);

#endif
