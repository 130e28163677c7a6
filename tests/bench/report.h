/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a benchmark prints and writes: a table for people, and
 * build/bench/NAME.json
 *   {"bench","machine","rows":[{"metric","value","unit","ratio_to","ratio"}]}
 * from the same calls; a row may carry further numbers. A ratio is the median
 * of the ratios within the rounds, not the ratio of two medians, so that a busy
 * hour changes it little.
 */
#ifndef HOLDFAST_BENCH_REPORT_H
#define HOLDFAST_BENCH_REPORT_H

#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define REPORT_ROUNDS_MAX 1000

struct report {
	const char *bench;
	char machine[256];
	json_t *rows;
};

static inline int report_by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts them. */
static inline double report_p99(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), report_by_size);
	return n ? v[(n - 1) * 99 / 100] : 0;
}

static inline double median(const double *v, size_t n)
{
	double sorted[REPORT_ROUNDS_MAX];

	memcpy(sorted, v, n * sizeof(*v));
	qsort(sorted, n, sizeof(*v), report_by_size);
	return sorted[n / 2];
}

static inline double median_ratio(const double *a, const double *b, size_t n)
{
	double ratio[REPORT_ROUNDS_MAX];

	for (size_t i = 0; i < n; i++)
		ratio[i] = a[i] / b[i];
	return median(ratio, n);
}

static struct report report_begin(const char *bench)
{
	struct report r = {.bench = bench, .rows = json_array()};
	char line[256], cpu[128] = "unknown CPU";
	FILE *f = fopen("/proc/cpuinfo", "r");
	struct utsname u;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "model name : %127[^\n]", cpu) == 1)
			break;
	if (f)
		fclose(f);
	uname(&u);
	snprintf(r.machine, sizeof(r.machine), "%s, %ld CPUs, Linux %s", cpu,
		 sysconf(_SC_NPROCESSORS_ONLN), u.release);
	printf("%s on %s\n", bench, r.machine);
	return r;
}

static void report_add(struct report *r, const char *metric, json_t *value,
		       const char *unit, const char *ratio_to, double ratio)
{
	json_array_append_new(
		r->rows,
		json_pack("{s:s, s:o, s:s, s:s?, s:o}", "metric", metric,
			  "value", value, "unit", unit, "ratio_to", ratio_to,
			  "ratio", ratio_to ? json_real(ratio) : json_null()));
}

/* `ratio_to` may be NULL. */
static void report_ratio(struct report *r, const char *metric, double value,
			 const char *unit, const char *ratio_to, double ratio)
{
	printf("%-34s %14.1f %-10s", metric, value, unit);
	if (ratio_to)
		printf(" %6.2f x %s", ratio, ratio_to);
	putchar('\n');
	report_add(r, metric, json_real(value), unit, ratio_to, ratio);
}

static inline void report_ms(struct report *r, const char *metric, double ms)
{
	printf("%-34s %14.3f ms\n", metric, ms);
	report_add(r, metric, json_real(ms), "ms", NULL, 0);
}

/* One more number that the newest row carries. */
static void report_carry(struct report *r, const char *what, uint64_t value)
{
	size_t n = json_array_size(r->rows);

	printf("  %-32s %14llu\n", what, (unsigned long long)value);
	json_object_set_new(json_array_get(r->rows, n ? n - 1 : 0), what,
			    json_integer((json_int_t)value));
}

/* Write the file, if `path` is given. 0 or a negative errno. */
static int report_end(struct report *r, const char *path)
{
	json_t *root = json_pack("{s:s, s:s, s:o}", "bench", r->bench,
				 "machine", r->machine, "rows", r->rows);
	int err = root ? 0 : -ENOMEM;

	if (!err && path && json_dump_file(root, path, JSON_INDENT(2)))
		err = errno ? -errno : -EIO;
	json_decref(root);
	return err;
}

#endif
