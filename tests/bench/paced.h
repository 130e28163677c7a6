/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rows that send by live frames: the paced sender, whose work in userspace is
 * part of the figure, and the bare one beside it. A part of dataplane.c, which has
 * the rows it leans on.
 */
#ifndef HOLDFAST_BENCH_PACED_H
#define HOLDFAST_BENCH_PACED_H

/* The frames of a tick are made ready as the sender does it; the elements of the
 * wheel are one bucket's. */
static void tick_make(struct bench *b, uint32_t tick, uint64_t now)
{
	const struct hf_wheel_entry *e = &b->path.wheel[tick * PACED_TICK];
	const struct hf_pins *pins = &b->path.pins;
	struct hf_ready *ready = b->path.ready;
	struct hf_ready_front front = {0};

	ready->now_ns = now_ns();
	ready->count = 0;
	for (uint32_t i = 0; i < PACED_TICK; i++) {
		if (i + HF_ASK_CLAIM < PACED_TICK)
			hf_ready_ask_claim(pins, e[i + HF_ASK_CLAIM].leg);
		if (i + HF_ASK_FRAME < PACED_TICK)
			hf_ready_ask_frame(pins, e[i + HF_ASK_FRAME].leg);
		if (hf_ready_make(pins, &front, e[i].leg, now, false,
				  &ready->frame[ready->count]) == HF_READY_LIVE)
			ready->count++;
	}
	ready->at = 0;
	b->making_ns += now_ns() - ready->now_ns;
}

/* One tick of the paced sender, or of the bare one; `now` is what the sender
 * takes for the time. */
static int tick_run(struct bench *b, enum row row, uint32_t tick, uint64_t now)
{
	struct xdp_md ctx = {.data_end = BENCH_PACKET,
			     .ingress_ifindex = b->holder};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = b->template,
		    .data_size_in = BENCH_PACKET, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = PACED_TICK,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64);
	struct hf_ready *ready = b->path.ready;
	int calls = 10, err;

	if (row == LIVE_FLOOR)
		return bpf_prog_test_run_opts(
			bpf_program__fd(b->skel->progs.bench_bare), &opts);
	tick_make(b, tick, now);
	/* Where somebody held us up, what is left is sent all the same. */
	do {
		err = bpf_prog_test_run_opts(
			bpf_program__fd(b->path.skel->progs.hf_paced), &opts);
		ready->now_ns = now_ns();
		opts.repeat = (int)(ready->count - HF_READ(ready->at));
	} while (!err && HF_READ(ready->at) < ready->count && --calls);
	return err;
}

/*
 * Make the next frames of all paced legs due: the program goes by the clock, and
 * a turn takes a fraction of a packet time. `ms`: by how much all deadlines
 * come earlier than before; in the short form alone, which is what is touched.
 */
static void path_hurry(struct bench *b, uint32_t ms)
{
	struct path *p = &b->path;

	for (uint32_t k = 0; k < PACED_LEGS; k++)
		p->claims[p->wheel[k].leg].hot.base_ms -= ms;
}

/* PACED_TURNS frames for each of PACED_LEGS calls, as in the middle of hours of
 * them. As chunk_run(); what is done between the turns is not in the figure, and
 * is done for both rows. */
static double ticks_run(struct bench *b, enum row row, uint64_t *ret_back)
{
	uint64_t first = now_ns(), start, end = first, sum = 0;
	uint32_t hurried = 0, hurry, ticks = PACED_LEGS / PACED_TICK;
	struct timespec a_moment = {0, 1000};
	int err;

	b->control->returned = 0;
	for (uint32_t turn = 0; turn < PACED_TURNS; turn++) {
		hurry = turn * 20 - (uint32_t)((now_ns() - first) / HF_MS);
		if ((int32_t)(hurry - hurried) > 0) {
			path_hurry(b, hurry - hurried);
			hurried = hurry;
		}
		start = now_ns();
		for (uint32_t t = 0; t < ticks; t++) {
			err = tick_run(b, row, t, start);
			if (err)
				return err;
		}
		do {
			*ret_back = HF_READ(b->control->returned);
			end = now_ns();
		} while (*ret_back < (turn + 1) * PACED_LEGS &&
			 end - start < 1000 * HF_MS &&
			 !clock_nanosleep(CLOCK_MONOTONIC, 0, &a_moment, NULL));
		sum += end - start;
	}
	return (double)sum / PACED_FRAMES;
}

#endif
