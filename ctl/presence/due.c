// SPDX-License-Identifier: GPL-2.0-or-later
/* Which subscription is due next: a binary heap that each knows its place in. */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

/* So many subscriptions have to fit, whether they are in it now or not: setting
 * never allocates. */
int hf_due_reserve(struct hf_due *d, uint32_t count)
{
	uint32_t wanted = d->room ? d->room * 2 : 64;
	struct hf_watch **more;

	if (count <= d->room)
		return 0;
	more = reallocarray(d->heap, wanted, sizeof(struct hf_watch *));
	if (!more)
		return -ENOMEM;
	d->heap = more;
	d->room = wanted;
	return 0;
}

static void put(struct hf_due *d, uint32_t at, struct hf_watch *w)
{
	d->heap[at] = w;
	w->heap_at = at;
}

static void settle(struct hf_due *d, uint32_t at, struct hf_watch *w)
{
	while (at && d->heap[(at - 1) / 2]->due_ms > w->due_ms) {
		put(d, at, d->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child + 1 < d->count &&
		    d->heap[child + 1]->due_ms < d->heap[child]->due_ms)
			child++;
		if (child >= d->count || d->heap[child]->due_ms >= w->due_ms)
			break;
		put(d, at, d->heap[child]);
		at = child;
	}
	put(d, at, w);
}

void hf_due_set(struct hf_due *d, struct hf_watch *w, uint64_t at_ms)
{
	w->due_ms = at_ms;
	if (w->heap_at == UINT32_MAX)
		put(d, d->count++, w);
	settle(d, w->heap_at, w);
}

void hf_due_remove(struct hf_due *d, struct hf_watch *w)
{
	uint32_t at = w->heap_at;
	struct hf_watch *last;

	if (at == UINT32_MAX)
		return;
	w->heap_at = UINT32_MAX;
	last = d->heap[--d->count];
	if (last != w)
		settle(d, at, last);
}
