/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packet programs on their way into the kernel: over new maps, or over those
 * of a controller before us. Who loads them needs CAP_PERFMON, because of the
 * verifier, and needs it for nothing else; so a service loads them in a step of
 * its own (holdfastd --prepare) and leaves them pinned for the controller, which
 * runs without it. Started by hand the controller does both.
 */
#ifndef HOLDFAST_MEDIA_LOAD_H
#define HOLDFAST_MEDIA_LOAD_H

#include <stddef.h>

#include "pins.h"

#define HF_PROGRAMS(X) X(receive) X(gathered) X(paced)

enum hf_program_name {
#define X(name) HF_PROGRAM_##name,
	HF_PROGRAMS(X)
#undef X
	HF_PROGRAM_COUNT
};

struct hf_loaded {
	int map[HF_PIN_MAP_COUNT]; /* descriptors, -1 */
	int program[HF_PROGRAM_COUNT];
};

/* Room for all that the verifier says; only what it says is touched. Of a kernel
 * before 6.4 the end, which is what counts, is lost when there is too little. */
#define HF_VERIFIER_LOG ((16 << 20) - 1)
/* Its last words before its statistics. The log is cut up for that. */
void hf_verifier_reason(char *log, char *ret, size_t len);

/* The programs and, without `old`, maps of the sizes that `in` says. */
int hf_loaded_make(const struct hf_instance *in, const struct hf_pins *old,
		   struct hf_loaded *ret, char *err, size_t err_len);
/* What the step before us has pinned: -ENOENT if there is nothing that is of
 * this program's making, over these maps, or of these sizes. */
int hf_loaded_find(const char *instance, const struct hf_instance *in,
		   const struct hf_pins *old, struct hf_loaded *ret);
int hf_loaded_pin(const char *instance, const struct hf_loaded *, char *err,
		  size_t err_len);
/* Those pins; what is in use stays loaded. */
void hf_loaded_forget(const char *instance);
void hf_loaded_close(struct hf_loaded *);

#endif
