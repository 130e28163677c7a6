// SPDX-License-Identifier: GPL-2.0-or-later
/* Bucket arithmetic of the paced sender, see pacer.h. */
#include "mediad/pacer.h"

#include "holdfast/world.h"

void hf_pacer_start(struct hf_pacer *p, uint64_t now_ms)
{
	p->last_ms = now_ms;
	p->sweep_ms = now_ms;
	p->sweeps = HF_PACER_SWEEPS;
}

static uint64_t grid(const struct hf_pacer *p)
{
	return p->grid_ms ? p->grid_ms : HF_PACER_GRID_MS;
}

/* The newest millisecond that a turn at `now_ms` is for. */
static uint64_t upto(const struct hf_pacer *p, uint64_t now_ms)
{
	return grid(p) == HF_PACER_GRID_MS ? now_ms : now_ms - now_ms % grid(p);
}

struct hf_pacer_run hf_pacer_due(const struct hf_pacer *p, uint64_t now_ms,
				 uint32_t ptime_ms)
{
	struct hf_pacer_run run = {0, 0};
	uint64_t passed;

	now_ms = upto(p, now_ms);
	if (now_ms <= p->last_ms)
		return run;
	passed = now_ms - p->last_ms;
	run.count = passed < ptime_ms ? (uint32_t)passed : ptime_ms;
	run.first = (uint32_t)((now_ms - run.count + 1) % ptime_ms);
	return run;
}

bool hf_pacer_sweeping(const struct hf_pacer *p, uint64_t now_ms)
{
	return p->sweeps && now_ms >= p->sweep_ms;
}

void hf_pacer_done(struct hf_pacer *p, uint64_t now_ms, uint64_t end_ms)
{
	uint64_t seen, late = HF_PACER_LATE_MS;

	if (grid(p) == HF_PACER_COARSER_MS)
		late += HF_PACER_COARSER_MS;
	if (hf_pacer_sweeping(p, now_ms)) {
		p->sweeps--;
		p->sweep_ms = now_ms + HF_PACER_SWEEP_MS;
	}
	seen = p->last_ms > p->idle_ms ? p->last_ms : p->idle_ms;
	if (now_ms > seen + late || end_ms > now_ms + HF_PACER_LATE_MS) {
		p->sweeps = HF_PACER_SWEEPS;
		p->sweep_ms = end_ms + HF_PACER_SWEEP_MS;
	}
	if (upto(p, now_ms) > p->last_ms)
		p->last_ms = upto(p, now_ms);
}

static bool bucket_filled(const struct hf_wheel_fill *fill, uint64_t ms)
{
#define X(ptime, base)                                    \
	if (HF_READ(fill[(base) + ms % (ptime)].entries)) \
		return true;
	HF_WHEEL_CLASSES(X)
#undef X
	return false;
}

bool hf_wheel_filled(const struct hf_wheel_fill *fill)
{
	for (uint32_t i = 0; i < HF_WHEEL_BUCKETS; i++)
		if (HF_READ(fill[i].entries))
			return true;
	return false;
}

/* May a leg of this packet time wait for the coarser grid? A shorter one would
 * be a whole packet late, and of a longer one turn-around would skip frames
 * where it takes over so late (hf_turn_after()). */
static bool bears_coarser(uint32_t ptime_ms)
{
	return ptime_ms == 20 || ptime_ms == 30;
}

static uint64_t entries(const struct hf_wheel_fill *fill, uint32_t base,
			uint32_t ptime_ms)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < ptime_ms; i++)
		n += HF_READ(fill[base + i].entries);
	return n;
}

/* Few entries or many? In between it stays as it is. */
static void choose_grid(struct hf_pacer *p, uint64_t now_ms,
			const struct hf_wheel_fill *fill)
{
	uint64_t n = 0, others = 0;
	uint32_t ms = HF_PACER_GRID_MS;

#define X(ptime, base) \
	*(bears_coarser(ptime) ? &n : &others) += entries(fill, base, ptime);
	HF_WHEEL_CLASSES(X)
#undef X
	n += others;
	if (n <= HF_PACER_FEW ||
	    (n <= HF_PACER_MANY && grid(p) != HF_PACER_GRID_MS))
		ms = others ? HF_PACER_COARSE_MS : HF_PACER_COARSER_MS;
	if (ms < grid(p)) {
		p->sweeps = HF_PACER_SWEEPS;
		p->sweep_ms = now_ms + HF_PACER_SWEEP_MS;
	}
	p->grid_ms = ms;
}

uint64_t hf_pacer_next(struct hf_pacer *p, uint64_t now_ms,
		       const struct hf_wheel_fill *fill)
{
	uint64_t turn, last, ms = now_ms + 1;

	choose_grid(p, now_ms, fill);
	turn = now_ms - now_ms % grid(p) + grid(p);
	last = turn + HF_PACER_NAP_MS - grid(p);
	p->idle_ms = now_ms;
	for (; turn < last; turn += grid(p)) {
		for (; ms <= turn; ms++)
			if (bucket_filled(fill, ms) || hf_pacer_sweeping(p, ms))
				return turn;
		p->idle_ms = turn;
	}
	return hf_wheel_filled(fill) ? last : 0;
}
