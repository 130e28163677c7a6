// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loudness as EBU R 128 measures it but for the ear's weighting, which a
 * telephone's band makes idle: the RMS of blocks of 400 ms, without those below
 * -70 dB and then without those 10 dB below what is left. So pauses and a quiet
 * introduction do not make the rest too loud.
 */
#include "level.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define HF_SILENCE_DB  -200.0
#define HF_GATE_DB     -70.0
#define HF_GATE_REL_DB -10.0
#define HF_GAIN_MAX_DB 40.0
#define HF_CEILING     0.84f /* -1.5 dB */
#define HF_AHEAD_MS    5

static double power_db(double power)
{
	return power > 1e-20 ? 10 * log10(power) : HF_SILENCE_DB;
}

/* Mean power of the blocks of at least `gate` dB; 0 = there is none. */
static double gated_power(const struct hf_sound *s, double gate)
{
	size_t block = s->rate * 2 / 5, step = s->rate / 10, n = 0;
	double sum = 0;

	if (block > s->count)
		block = s->count;
	for (size_t at = 0; block && at + block <= s->count; at += step) {
		double power = 0;

		for (size_t i = at; i < at + block; i++)
			power += (double)s->x[i] * s->x[i];
		power /= (double)block;
		if (power_db(power) < gate)
			continue;
		sum += power;
		n++;
	}
	return n ? sum / (double)n : 0;
}

double hf_level_measure(const struct hf_sound *s)
{
	double all = gated_power(s, HF_GATE_DB);

	return power_db(gated_power(s, power_db(all) + HF_GATE_REL_DB));
}

/*
 * Limiter that looks ahead: the gain at each sample is the mean, over the time
 * of looking ahead, of the least gain that any sample in that time needs; so it
 * is down when the peak comes and moves without a corner.
 */
static int limit(struct hf_sound *s)
{
	size_t ahead = s->rate * HF_AHEAD_MS / 1000 + 1, next = 0;
	float *need = calloc(s->count + 2 * ahead, sizeof(*need));
	double sum = 0;

	if (!need)
		return -ENOMEM;
	for (size_t i = 0; i < s->count + 2 * ahead; i++)
		need[i] = 1;
	/* need[i + ahead]: the least of the samples i .. i + ahead. */
	for (size_t i = s->count; i-- > 0;) {
		float peak = fabsf(s->x[i]);

		if (peak <= HF_CEILING)
			continue;
		for (size_t k = 0; k <= ahead; k++)
			if (need[i + k] > HF_CEILING / peak)
				need[i + k] = HF_CEILING / peak;
	}
	for (; next < ahead; next++)
		sum += need[next];
	for (size_t i = 0; i < s->count; i++) {
		sum += need[next++];
		s->x[i] *= (float)(sum / (double)(ahead + 1));
		sum -= need[next - ahead - 1];
		if (s->x[i] > HF_CEILING)
			s->x[i] = HF_CEILING;
		if (s->x[i] < -HF_CEILING)
			s->x[i] = -HF_CEILING;
	}
	free(need);
	return 0;
}

int hf_level_set(struct hf_sound *s, double db)
{
	double have = hf_level_measure(s), by = db - have;
	float gain;

	if (have <= HF_GATE_DB) /* silence stays silence */
		return 0;
	if (by > HF_GAIN_MAX_DB)
		by = HF_GAIN_MAX_DB;
	gain = (float)pow(10, by / 20);
	for (size_t i = 0; i < s->count; i++)
		s->x[i] *= gain;
	return limit(s);
}

void hf_level_ends(struct hf_sound *s, unsigned int ms)
{
	size_t n = (size_t)s->rate * ms / 1000;

	if (n > s->count / 2)
		n = s->count / 2;
	for (size_t i = 0; i < n; i++) {
		float w = (float)i / (float)n;

		s->x[i] *= w;
		s->x[s->count - 1 - i] *= w;
	}
}
