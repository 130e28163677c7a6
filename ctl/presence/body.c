// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The documents of this room as text: one writer (libxml2's, into one buffer
 * that is used again and again), and the multipart body of a list (RFC 4662)
 * around the documents of its entries. send.c asks for one at a time.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/xmlwriter.h>

#include "body.h"

#define HF_BOUNDARY "holdfast-lamp-list"

struct hf_xml {
	xmlBufferPtr buffer;
	xmlTextWriterPtr writer;
	bool failed;
};

struct hf_lamp_body {
	struct hf_xml xml;
	char *text; /* of a list, put together */
	size_t len, room;
	char type[192];
};

/* Bytes of the UTF-8 sequence at `s` if XML may have it, else 0. */
static unsigned int sequence(const unsigned char *s)
{
	unsigned int n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 :
			 s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
	uint32_t c;

	if (n == 1)
		return s[0] >= 0x20 && s[0] != 0x7f ? 1 : 0;
	for (unsigned int i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if (n == 3) {
		c = (uint32_t)(s[0] & 0xf) << 12 | (uint32_t)(s[1] & 0x3f) << 6 |
		    (s[2] & 0x3f);
		/* overlong, surrogates, and two that are no characters */
		if (c < 0x800 || (c >= 0xd800 && c < 0xe000) || c >= 0xfffe)
			return 0;
	}
	if (n == 4 && ((s[0] == 0xf0 && s[1] < 0x90) ||
		       (s[0] == 0xf4 && s[1] >= 0x90)))
		return 0;
	return n;
}

/* Control characters become spaces, other bytes U+FFFD. */
static void clean(const char *in, char *out, size_t len)
{
	char *o = out, *end = out + len - 5;

	while (*in && o < end) {
		unsigned int n = sequence((const unsigned char *)in);

		if (n) {
			memcpy(o, in, n);
			o += n;
			in += n;
		} else if ((unsigned char)*in < 0x80) {
			*o++ = ' ';
			in++;
		} else {
			memcpy(o, "\xef\xbf\xbd", 3);
			o += 3;
			in++;
		}
	}
	*o = '\0';
}

void hf_xml_start(struct hf_xml *x, const char *element)
{
	if (xmlTextWriterStartElement(x->writer, BAD_CAST element) < 0)
		x->failed = true;
}

void hf_xml_end(struct hf_xml *x)
{
	if (xmlTextWriterEndElement(x->writer) < 0)
		x->failed = true;
}

void hf_xml_attribute(struct hf_xml *x, const char *name, const char *format,
		      ...)
{
	char raw[512], text[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(raw, sizeof(raw), format, ap);
	va_end(ap);
	clean(raw, text, sizeof(text));
	if (xmlTextWriterWriteAttribute(x->writer, BAD_CAST name,
					BAD_CAST text) < 0)
		x->failed = true;
}

void hf_xml_text(struct hf_xml *x, const char *format, ...)
{
	char raw[512], text[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(raw, sizeof(raw), format, ap);
	va_end(ap);
	clean(raw, text, sizeof(text));
	if (xmlTextWriterWriteString(x->writer, BAD_CAST text) < 0)
		x->failed = true;
}

int hf_lamp_body_create(struct hf_lamp_body **ret)
{
	struct hf_lamp_body *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	*ret = b;
	b->xml.buffer = xmlBufferCreate();
	return b->xml.buffer ? 0 : -ENOMEM;
}

void hf_lamp_body_free(struct hf_lamp_body *b)
{
	if (!b)
		return;
	if (b->xml.buffer)
		xmlBufferFree(b->xml.buffer);
	free(b->text);
	free(b);
}

const char *hf_lamp_type(uint8_t event)
{
	switch (event) {
	case HF_LAMP_EVENT_DIALOG:
		return "application/dialog-info+xml";
	case HF_LAMP_EVENT_XPIDF:
		return "application/xpidf+xml";
	case HF_LAMP_EVENT_CALL_INFO:
		return "application/x-broadworks-callpark-info+xml";
	default:
		return "application/pidf+xml";
	}
}

static bool open_xml(struct hf_xml *x)
{
	xmlBufferEmpty(x->buffer);
	x->writer = xmlNewTextWriterMemory(x->buffer, 0);
	x->failed = !x->writer || xmlTextWriterStartDocument(x->writer, NULL,
							     "UTF-8", NULL) < 0;
	return !x->failed;
}

static bool close_xml(struct hf_xml *x)
{
	if (!x->writer)
		return false;
	if (xmlTextWriterEndDocument(x->writer) < 0)
		x->failed = true;
	xmlFreeTextWriter(x->writer);
	x->writer = NULL;
	return !x->failed;
}

static bool write_document(struct hf_xml *x, uint8_t event,
			   struct hf_document *d)
{
	if (open_xml(x)) {
		if (event == HF_LAMP_EVENT_DIALOG)
			hf_dialog_write(x, d);
		else if (event == HF_LAMP_EVENT_PRESENCE)
			hf_pidf_write(x, d);
		else if (event == HF_LAMP_EVENT_XPIDF)
			hf_xpidf_write(x, d);
		else
			hf_call_info_write(x, d);
	}
	return close_xml(x);
}

static bool append(struct hf_lamp_body *b, const char *text, size_t len)
{
	if (b->len + len + 1 > b->room) {
		size_t room = (b->len + len + 1) * 2;
		char *more = realloc(b->text, room);

		if (!more)
			return false;
		b->text = more;
		b->room = room;
	}
	memcpy(b->text + b->len, text, len);
	b->len += len;
	b->text[b->len] = '\0';
	return true;
}

static bool part_head(struct hf_lamp_body *b, const char *cid, const char *type)
{
	char head[256];
	int n = snprintf(head, sizeof(head),
			 "--" HF_BOUNDARY "\r\n"
			 "Content-Transfer-Encoding: binary\r\n"
			 "Content-ID: <%s>\r\n"
			 "Content-Type: %s;charset=\"UTF-8\"\r\n\r\n",
			 cid, type);

	return append(b, head, (size_t)n);
}

/* One list document under way. */
struct list_writing {
	struct hf_watch *w;
	struct hf_lamp_list *list;
	uint32_t from, to; /* entries that are looked at */
	char *parts;	   /* the documents, in front of which rlmi goes */
};

static bool is_new(const struct list_writing *lw, uint32_t i)
{
	const struct hf_watch *w = lw->w;

	return w->full || lw->list->entries[i]->seq > w->sent_seq;
}

static void cid(const struct list_writing *lw, uint32_t i, char *text,
		size_t len)
{
	snprintf(text, len, "%llx.%u.%u@lamps.invalid",
		 (unsigned long long)lw->w->id, lw->w->version, i);
}

/* The documents of as many entries as a packet takes, at least one. */
static bool write_parts(struct hf_lamp_body *b, struct list_writing *lw)
{
	struct hf_watch *w = lw->w;
	size_t most = w->stream ? HF_LAMP_STREAM_BYTES : HF_LAMP_PART_BYTES;
	uint32_t i;

	for (i = lw->from; i < lw->list->count; i++) {
		struct hf_document d = {
			.lamps = w->lamps,
			.on = lw->list->entries[i],
			.version = w->version,
			.full = true,
			.lit = true,
		};
		char number[64], uri[256], id[96];
		size_t before = b->len;

		if (!is_new(lw, i))
			continue;
		hf_lamp_resource_number(w->lamps, d.on, number, sizeof(number));
		hf_lamp_uri_beside(w->entity, number, uri, sizeof(uri));
		cid(lw, i, id, sizeof(id));
		d.entity = uri;
		if (!write_document(&b->xml, w->event, &d) ||
		    !part_head(b, id, hf_lamp_type(w->event)) ||
		    !append(b, (const char *)xmlBufferContent(b->xml.buffer),
			    (size_t)xmlBufferLength(b->xml.buffer)) ||
		    !append(b, "\r\n", 2))
			return false;
		/* the entry costs about as much in the rlmi part again */
		if (before && b->len + 120 * (i - lw->from) > most) {
			b->len = before;
			break;
		}
	}
	lw->to = i;
	return true;
}

static void write_entry(struct hf_xml *x, struct list_writing *lw, uint32_t i)
{
	struct hf_watch *w = lw->w;
	struct hf_lamp_look look;
	char number[64], uri[256], id[96];

	hf_lamp_resource_number(w->lamps, lw->list->entries[i], number,
				sizeof(number));
	hf_lamp_uri_beside(w->entity, number, uri, sizeof(uri));
	hf_xml_start(x, "resource");
	hf_xml_attribute(x, "uri", "%s", uri);
	if (lw->list->entries[i]->kind == HF_LAMP_SLOT &&
	    hf_lamps_look(w->lamps,
			  ((struct hf_lamp_slot *)lw->list->entries[i])->index,
			  &look) &&
	    look.label) {
		hf_xml_start(x, "name");
		hf_xml_text(x, "%s", look.label);
		hf_xml_end(x);
	}
	if (i >= lw->from && i < lw->to && is_new(lw, i)) {
		cid(lw, i, id, sizeof(id));
		hf_xml_start(x, "instance");
		hf_xml_attribute(x, "id", "%s", number);
		hf_xml_attribute(x, "state", "%s",
				 w->ending ? "terminated" : "active");
		if (w->ending)
			hf_xml_attribute(x, "reason", "%s", w->reason);
		hf_xml_attribute(x, "cid", "%s", id);
		hf_xml_end(x);
	}
	hf_xml_end(x);
}

/*
 * RFC 4662 5: the first part of a full state names every resource; those that
 * do not fit have no instance yet and follow at once in the next NOTIFY.
 */
static bool write_rlmi(struct hf_xml *x, struct list_writing *lw)
{
	struct hf_watch *w = lw->w;
	bool all = w->full && !lw->from;

	if (open_xml(x)) {
		hf_xml_start(x, "list");
		hf_xml_attribute(x, "xmlns", "urn:ietf:params:xml:ns:rlmi");
		hf_xml_attribute(x, "uri", "%s", w->entity);
		hf_xml_attribute(x, "version", "%u", w->version);
		hf_xml_attribute(x, "fullState", "%s", all ? "true" : "false");
		for (uint32_t i = 0; i < lw->list->count; i++)
			if (all || (i >= lw->from && i < lw->to &&
				    is_new(lw, i)))
				write_entry(x, lw, i);
		hf_xml_end(x);
	}
	return close_xml(x);
}

static bool list_body(struct hf_lamp_body *b, struct hf_watch *w,
		      struct hf_notify *ret)
{
	struct list_writing lw = {
		.w = w,
		.list = (struct hf_lamp_list *)w->on,
		.from = w->part,
	};
	char start[96];
	size_t len;
	bool ok;

	if (!w->part)
		w->round_seq = w->lamps->seq;
	b->len = 0;
	if (!write_parts(b, &lw) || !write_rlmi(&b->xml, &lw))
		return false;
	/* rlmi goes first: it is written last, since it names what fitted. */
	len = b->len;
	lw.parts = malloc(len + 1);
	if (!lw.parts)
		return false;
	memcpy(lw.parts, b->text ? b->text : "", len);
	b->len = 0;
	snprintf(start, sizeof(start), "%llx.%u@lamps.invalid",
		 (unsigned long long)w->id, w->version);
	ok = part_head(b, start, "application/rlmi+xml") &&
	     append(b, (const char *)xmlBufferContent(b->xml.buffer),
		    (size_t)xmlBufferLength(b->xml.buffer)) &&
	     append(b, "\r\n", 2) && append(b, lw.parts, len) &&
	     append(b, "--" HF_BOUNDARY "--\r\n",
		    strlen("--" HF_BOUNDARY "--\r\n"));
	free(lw.parts);
	if (!ok)
		return false;
	snprintf(b->type, sizeof(b->type),
		 "multipart/related;type=\"application/rlmi+xml\";start=\"<%s>\";"
		 "boundary=\"" HF_BOUNDARY "\"", start);
	ret->type = b->type;
	ret->body = b->text;
	ret->len = b->len;
	w->part = lw.to < lw.list->count ? lw.to : 0;
	if (!w->part) {
		w->sent_seq = w->round_seq;
		w->full = false;
	}
	return true;
}

bool hf_lamp_body_write(struct hf_watch *w, struct hf_notify *ret)
{
	struct hf_lamp_body *b = w->lamps->body;
	struct hf_document d = {
		.lamps = w->lamps,
		.on = w->on,
		.entity = w->entity,
		.version = w->version,
		.full = w->full || w->on->kind != HF_LAMP_LOT,
		.since = w->sent_seq,
		.lit = w->lit,
	};

	if (w->on->kind == HF_LAMP_LIST) {
		if (!list_body(b, w, ret))
			return false;
		w->version++;
		return true;
	}
	if (!write_document(&b->xml, w->event, &d))
		return false;
	w->lit = d.ret_lit;
	w->full = false;
	w->version++;
	w->sent_seq = w->lamps->seq;
	ret->type = hf_lamp_type(w->event);
	ret->body = (const char *)xmlBufferContent(b->xml.buffer);
	ret->len = (size_t)xmlBufferLength(b->xml.buffer);
	return true;
}

const char *hf_lamps_document(struct hf_lamps *l, uint32_t slot,
			      const char *event, const char *entity,
			      uint32_t version, const char **ret_type,
			      size_t *ret_len)
{
	uint8_t e = strcmp(event, "dialog") ? HF_LAMP_EVENT_PRESENCE :
					      HF_LAMP_EVENT_DIALOG;
	struct hf_document d = {
		.lamps = l,
		.entity = entity,
		.version = version,
		.full = true,
		.lit = true,
	};

	if (slot >= l->slot_count)
		return NULL;
	d.on = &l->slots[slot].resource;
	if (!write_document(&l->body->xml, e, &d))
		return NULL;
	*ret_type = hf_lamp_type(e);
	*ret_len = (size_t)xmlBufferLength(l->body->xml.buffer);
	return (const char *)xmlBufferContent(l->body->xml.buffer);
}
