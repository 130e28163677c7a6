/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What single features cost: the data path loaded once more for each, over the
 * same maps, with that one left out (hf_without in ../../bpf/maps.h). Whole and
 * without take turns. A part of dataplane.c, which has the rows it leans on.
 */
#ifndef HOLDFAST_BENCH_FEATURES_H
#define HOLDFAST_BENCH_FEATURES_H

static const struct feature {
	uint8_t without; /* HF_WITHOUT_* */
	const char *name[2]; /* of its rows: hold, relay */
} features[FEATURES] = {
	{0x01, {"claim_in_hold", "claim_in_relay"}},
	{0x02, {"stream_in_hold", "stream_in_relay"}},
	{0x04, {"counters_in_hold", "counters_in_relay"}},
	{0x08, {"checksum_in_hold", "checksum_in_relay"}},
	{0x10, {"payload_in_hold", NULL}},
};
static const enum row feature_rows[2] = {HOLD, RELAY};

static int feature_load(const struct bench *b, const struct feature *f,
			struct hf_datapath_bpf **ret)
{
	struct hf_datapath_bpf *s = *ret = hf_datapath_bpf__open();
	struct bpf_map *map, *whole;

	if (!s)
		return -errno;
	s->rodata->hf_without = f->without;
	bpf_object__for_each_map(map, s->obj) {
		if (bpf_map__is_internal(map))
			continue;
		whole = bpf_object__find_map_by_name(b->path.skel->obj,
						     bpf_map__name(map));
		if (!whole || bpf_map__reuse_fd(map, bpf_map__fd(whole)))
			return -EINVAL;
	}
	return hf_datapath_bpf__load(s) ? -errno : 0;
}

/* Nanoseconds a packet, or a negative errno. */
static double feature_chunk(struct bench *b, struct hf_datapath_bpf *s,
			    enum row row)
{
	uint64_t back = 0;
	double ns;

	b->path.in_use = s;
	if (row_attach(b, row))
		return -errno;
	path_program(b, row);
	ns = chunk_run(b, row, &back);
	return back < BENCH_LEGS ? -EIO : ns;
}

static int feature_round(struct bench *b, struct hf_datapath_bpf **s, int r)
{
	struct hf_datapath_bpf *whole = b->path.skel;
	double floor = feature_chunk(b, whole, REFLECTOR), with, without;

	for (int k = 0; k < 2; k++) {
		with = feature_chunk(b, whole, feature_rows[k]);
		for (int i = 0; i < FEATURES; i++) {
			without = feature_chunk(b, s[i], feature_rows[k]);
			if (floor < 0 || with < 0 || without < 0)
				return -EIO;
			b->saved_ns[i][k][r] = with - without;
			b->saved[i][k][r] = (with - without) / floor;
		}
	}
	return 0;
}

static int features_run(struct bench *b)
{
	struct hf_datapath_bpf *s[FEATURES] = {0};
	int err = 0;

	for (int i = 0; i < FEATURES && !err; i++)
		err = feature_load(b, &features[i], &s[i]);
	for (int r = 0; r < FEATURE_ROUNDS && !err; r++)
		err = feature_round(b, s, r);
	b->path.in_use = b->path.skel;
	if (!err && row_attach(b, HOLD))
		err = -errno;
	for (int i = 0; i < FEATURES; i++)
		hf_datapath_bpf__destroy(s[i]);
	return err;
}

static void features_report(const struct bench *b, struct report *r)
{
	for (int i = 0; i < FEATURES; i++)
		for (int k = 0; k < 2; k++)
			if (features[i].name[k])
				report_ratio(r, features[i].name[k],
					     median(b->saved_ns[i][k],
						    FEATURE_ROUNDS),
					     "ns/packet", "reflector",
					     median(b->saved[i][k],
						    FEATURE_ROUNDS));
}

#endif
