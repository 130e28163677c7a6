// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Callers of the restart benchmark who talk and listen, see talk.h.
 * What they say is made in the kernel (ears.bpf.c), a slice of them every
 * 2 ms: a socket costs so much more a packet that two CPUs would not carry ten
 * thousand pairs and what is measured beside them.
 */
#include "talk.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/ears.skel.h"

#define EVERY_MS   20
#define SLICES	   10
#define SLICE_MS   ((double)EVERY_MS / SLICES)
#define SAMPLES	   (8 * EVERY_MS)
/* Who comes later than this goes on from now: what was due is not said. */
#define GIVE_UP_MS 200.0

static int attach(const struct bpf_program *program, unsigned int device)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	int fd = bpf_link_create(bpf_program__fd(program), (int)device,
				 BPF_XDP, &opts);

	return fd < 0 ? -errno : 0;
}

/* A program that is attached nowhere costs 16 ms each time it is run: `talk`
 * is attached to a device that is never up. */
static int prepare(struct talk *t)
{
	struct bench_ears_bpf *bpf = t->anchor->ears;
	int r = anchor_go(t->anchor->far);

	if (!r && !if_nametoindex("mouth")) {
		r = system("ip link add mouth type veth peer name mouth2")
			    ? -ENODEV
			    : attach(bpf->progs.talk, if_nametoindex("mouth"));
	}
	if (r)
		return r;
	t->talker = mmap(NULL, BENCH_PORTS * sizeof(*t->talker),
			 PROT_READ | PROT_WRITE, MAP_SHARED,
			 bpf_map__fd(bpf->maps.talkers), 0);
	if (t->talker == MAP_FAILED)
		return -errno;
	bpf->bss->talk_device = t->anchor->far_index;
	bpf->bss->talk_step = SAMPLES;
	memcpy(bpf->bss->talk_macs, t->anchor->near_mac, 6);
	memcpy(bpf->bss->talk_macs + 6, t->anchor->far_mac, 6);
	return 0;
}

/* ---- mouths */

static uint16_t ip_sum(const struct talker *t)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.tot_len = htons(TALK_BYTES - sizeof(struct ethhdr)),
		.saddr = t->from_ip4,
		.daddr = t->to_ip4,
	};
	uint16_t w[10];
	uint32_t sum = 0;

	memcpy(w, &ip, sizeof(w));
	for (int i = 0; i < 10; i++)
		sum += w[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~(sum + (sum >> 16));
}

/* Everybody but each second one of those who are parked. */
static void fill(struct talk *t)
{
	t->talkers = 0;
	for (uint32_t n = 0; n < t->dialogs; n++) {
		const struct sl_dialog *d = &t->sip->dialog[n];
		struct talker *to = &t->talker[t->talkers];

		if (d->state != SL_UP || !d->remote_port ||
		    (n < t->half_silent && n % 2 == 0))
			continue;
		*to = (struct talker){
			.from_ip4 = d->rtp_ip4,
			.to_ip4 = d->remote_ip4,
			.from_port = htons(d->rtp_port),
			.to_port = htons(d->remote_port),
			.own_port = anchor_rtp_port(n),
		};
		to->ip_sum = ip_sum(to);
		t->talkers++;
	}
}

static void say_slice(struct talk *t, uint64_t slice)
{
	struct bench_ears_bpf *bpf = t->anchor->ears;
	uint32_t part = (uint32_t)(slice % SLICES);
	uint32_t first = (uint32_t)((uint64_t)t->talkers * part / SLICES);
	uint32_t end = (uint32_t)((uint64_t)t->talkers * (part + 1) / SLICES);
	static const uint8_t blank[TALK_BYTES];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = blank,
		    .data_size_in = sizeof(blank), .repeat = (int)(end - first),
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64);

	if (end == first)
		return;
	bpf->bss->talk_at = first;
	bpf->bss->talk_turn = (uint32_t)(slice / SLICES) + 1;
	if (bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.talk), &opts))
		t->not_said += end - first;
}

static void *talk(void *arg)
{
	struct talk *t = arg;
	double next, late;

	anchor_go(t->anchor->far);
	next = sl_now_ms();
	for (uint64_t slice = 0; !t->stop; slice++) {
		late = sl_now_ms() - next;
		if (late < 0) {
			usleep((useconds_t)(-late * 1000));
		} else if (late > t->late_ms) {
			t->late_ms = late;
		}
		if (late > GIVE_UP_MS) {
			t->not_said += (uint64_t)(late / SLICE_MS) *
				      t->talkers / SLICES;
			next = sl_now_ms();
		}
		say_slice(t, slice);
		next += SLICE_MS;
	}
	return NULL;
}

int talk_begin(struct talk *t)
{
	int r = prepare(t);

	if (r)
		return r;
	fill(t);
	return -pthread_create(&t->thread, NULL, talk, t);
}

void talk_end(struct talk *t)
{
	t->stop = true;
	pthread_join(t->thread, NULL);
	munmap(t->talker, BENCH_PORTS * sizeof(*t->talker));
}

/* ---- ears */

void talk_listen_anew(struct talk *t)
{
	uint64_t now = (uint64_t)(sl_now_ms() * 1e6);

	t->not_said = 0;
	for (uint32_t n = 0; n < t->dialogs; n++) {
		struct heard *h = &t->anchor->heard[anchor_rtp_port(n)];

		h->lost = 0;
		h->wrong = 0;
		h->longest_ns = 0;
		h->streams = h->packets ? 1 : 0;
		h->packets = h->packets ? 1 : 0;
		if (h->packets)
			h->last_ns = now;
	}
}

void talk_heard(const struct talk *t, struct talk_loss *ret)
{
	uint64_t now = (uint64_t)(sl_now_ms() * 1e6);

	memset(ret, 0, sizeof(*ret));
	ret->not_said = t->not_said;
	for (uint32_t n = 0; n < t->dialogs; n++) {
		const struct heard *h = &t->anchor->heard[anchor_rtp_port(n)];
		uint64_t pause = h->longest_ns;

		if (t->sip->dialog[n].state != SL_UP)
			continue;
		if (now > h->last_ns && now - h->last_ns > pause)
			pause = now - h->last_ns;
		ret->packets += h->packets;
		ret->lost += h->lost;
		/* another SSRC would be another stream: there is one for life */
		ret->wrong += h->wrong + (h->streams > 1 ? h->streams - 1u : 0);
		ret->streams += h->packets > 0;
		ret->silent_over_100ms += pause > 100000000;
		if ((double)pause / 1e6 > ret->longest_ms)
			ret->longest_ms = (double)pause / 1e6;
	}
}
