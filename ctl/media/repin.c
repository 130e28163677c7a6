// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pins that somebody removed while we run. We hold what they name, so nothing
 * stops; but a restart would find nothing to take over, and holdfast-mediad
 * nothing to work on. They are pinned again, at a tick.
 */
#include "bpf_state.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/log.h"
#include "bpffs.h"
#include "pins_map.h"
#include "xdp.h"

#define HF_REPIN_NS (1000 * HF_MS)

struct hf_repin {
	const struct hf_bpf *bpf;
	unsigned int missing; /* looked for */
	int error;	      /* of making one */
	bool make;
};

static void hf_repin_one(struct hf_repin *r, const char *name, int fd)
{
	char path[256];

	if (fd < 0 || r->error ||
	    hf_pins_path(r->bpf->instance, name, path, sizeof(path)) ||
	    !access(path, F_OK))
		return;
	r->missing++;
	if (r->make && bpf_obj_pin(fd, path))
		r->error = -errno;
}

static void hf_repin_all(const struct hf_media *m, struct hf_repin *r)
{
	const struct hf_bpf *b = m->bpf;
	char name[HF_PIN_NAME_MAX];

	for (int i = 0; i < HF_PIN_MAP_COUNT; i++)
		hf_repin_one(r, hf_pin_name(i), m->map.fd[i]);
	hf_repin_one(r, "marks", b->marks);
	for (uint32_t i = 0; i < b->devices; i++) {
		hf_xdp_pin(HF_PIN_LINK_OF, b->device[i].name, name);
		hf_repin_one(r, name, b->device[i].link);
	}
	hf_repin_one(r, "link_paced", b->paced_link);
	hf_repin_one(r, HF_PIN_RECEIVE, b->program[HF_PROGRAM_receive]);
	hf_repin_one(r, "prog_gathered",
		     b->program[HF_PROGRAM_gathered]);
	hf_repin_one(r, "prog_paced",
		     b->program[HF_PROGRAM_paced]);
}

void hf_repin_tick(struct hf_media *m, uint64_t now_ns)
{
	struct hf_bpf *b = m->bpf;
	struct hf_repin r = {.bpf = b};
	char err[512] = "";

	if (now_ns - b->repin_ns < HF_REPIN_NS)
		return;
	b->repin_ns = now_ns;
	hf_repin_all(m, &r);
	if (!r.missing) {
		b->repin_said = 0;
		return;
	}
	r.error = hf_bpffs_prepare(b->instance, err, sizeof(err));
	r.make = true;
	hf_repin_all(m, &r);
	if (!r.error)
		hf_warn("media: pins of instance '%s' were removed while in use; they are pinned again",
			b->instance);
	else if (r.error != b->repin_said)
		hf_error("media: pins of instance '%s' were removed while in use and cannot be pinned again: %s; calls go on, but would not survive a restart",
			 b->instance, *err ? err : strerror(-r.error));
	b->repin_said = r.error;
}
