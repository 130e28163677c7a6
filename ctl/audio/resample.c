// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A rational resampler: a sinc under a Kaiser window, one set of coefficients
 * for each position an output sample can have between two input samples.
 *
 * The pass band ends at 0.9 of the lower rate's half: above that telephony
 * carries nothing, and what would fold back is 80 dB down.
 */
#include "resample.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HF_CROSSINGS   24 /* zero crossings of the sinc on either side */
#define HF_PASS	       0.90
#define HF_KAISER_BETA 8.0

static double hf_bessel_i0(double x)
{
	double term = 1, sum = 1;

	for (int k = 1; term > 1e-12 * sum; k++) {
		term *= (x / (2 * k)) * (x / (2 * k));
		sum += term;
	}
	return sum;
}

static uint32_t hf_gcd(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t r = a % b;

		a = b;
		b = r;
	}
	return a;
}

/* taps[i] weighs the input sample at (i - half) from the one at or before the
 * output, which lies `offset` behind that one. Sums to 1. */
static void hf_taps_fill(float *taps, int half, double cutoff, double offset)
{
	double sum = 0, norm = hf_bessel_i0(HF_KAISER_BETA);

	for (int i = 0; i < 2 * half; i++) {
		double t = i - half + 1 - offset;
		double x = M_PI * cutoff * t;
		double w = 1 - (t / half) * (t / half);
		double v = fabs(x) < 1e-9 ? 1 : sin(x) / x;

		if (w < 0)
			w = 0;
		v *= hf_bessel_i0(HF_KAISER_BETA * sqrt(w)) / norm;
		taps[i] = (float)v;
		sum += v;
	}
	for (int i = 0; i < 2 * half; i++)
		taps[i] = (float)(taps[i] / sum);
}

static int16_t hf_sample(float v)
{
	v *= 32768;
	if (v > 32767)
		return 32767;
	if (v < -32768)
		return -32768;
	return (int16_t)lrintf(v);
}

static float hf_convolve(const float *in, size_t count, ssize_t at,
			 const float *taps, int half)
{
	ssize_t first = at - half + 1;
	int from = first < 0 ? (int)-first : 0;
	int to = 2 * half;
	float sum = 0;

	if (first + to > (ssize_t)count)
		to = (int)((ssize_t)count - first);
	for (int i = from; i < to; i++)
		sum += in[first + i] * taps[i];
	return sum;
}

int hf_resample(const float *in, size_t count, uint32_t from, uint32_t to,
		int16_t **ret, size_t *ret_count)
{
	uint32_t g = hf_gcd(from, to), phases = to / g, step = from / g;
	double ratio = from > to ? (double)to / from : 1;
	int half = (int)ceil(HF_CROSSINGS / ratio);
	size_t n = (size_t)(((uint64_t)count * to + from / 2) / from);
	float *taps = calloc((size_t)phases * 2 * (size_t)half, sizeof(*taps));
	int16_t *out = calloc(n ? n : 1, sizeof(*out));

	if (!taps || !out) {
		free(taps);
		free(out);
		return -ENOMEM;
	}
	for (uint32_t p = 0; from != to && p < phases; p++)
		hf_taps_fill(taps + (size_t)p * 2 * (size_t)half, half,
			     HF_PASS * ratio, (double)p / phases);
	for (size_t i = 0; i < n; i++) {
		uint64_t at = (uint64_t)i * step;
		const float *t = taps + (at % phases) * 2 * (size_t)half;

		/* At the wanted rate already: the samples as they are. */
		out[i] = hf_sample(from == to
					   ? in[i]
					   : hf_convolve(in, count,
							 (ssize_t)(at / phases),
							 t, half));
	}
	free(taps);
	*ret = out;
	*ret_count = n;
	return 0;
}
