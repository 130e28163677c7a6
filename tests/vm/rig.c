// SPDX-License-Identifier: GPL-2.0-or-later
/* The rig of the module's tests, see kmod.h. */
#include "kmod.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <holdfast/csum.h>
#include <uapi/holdfast.h>

uint64_t rig_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

int run(const char *command)
{
	int status = system(command);

	return status;
}

int runf(const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return run(text);
}

static int rig_map(struct rig *r, int i, const char *name, uint32_t value,
		   uint32_t entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	size_t bytes = ((size_t)((value + 7) & ~7u) * entries + 4095) & ~4095ul;

	r->fd[i] = bpf_map_create(BPF_MAP_TYPE_ARRAY, name, 4, value, entries, &opts);
	if (r->fd[i] < 0) {
		printf("# map %s: %s\n", name, strerror(errno));
		return -1;
	}
	r->value[i] = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd[i], 0);
	if (r->value[i] == MAP_FAILED) {
		printf("# mmap %s: %s\n", name, strerror(errno));
		return -1;
	}
	return 0;
}

int rig_open(struct rig *r, uint32_t legs, uint32_t frames)
{
	struct hf_instance *instance;

	memset(r, 0, sizeof(*r));
	r->legs = legs;
	r->frames = frames;
	r->capacity = legs / 10 + 64;
	if (rig_map(r, RIG_INSTANCE, "instance", sizeof(struct hf_instance), 1) ||
	    rig_map(r, RIG_LEGS, "legs", sizeof(struct hf_leg), legs) ||
	    rig_map(r, RIG_CLAIMS, "claims", sizeof(struct hf_claim), legs) ||
	    rig_map(r, RIG_FRAMES, "frames", sizeof(struct hf_frame), frames) ||
	    rig_map(r, RIG_NEXTHOPS, "nexthops", sizeof(struct hf_nexthop), 64) ||
	    rig_map(r, RIG_WHEEL, "wheel", sizeof(struct hf_wheel_entry),
		    HF_WHEEL_BUCKETS * r->capacity) ||
	    rig_map(r, RIG_FILL, "wheel_fill", sizeof(struct hf_wheel_fill), HF_WHEEL_BUCKETS) ||
	    rig_map(r, RIG_WORK, "work", sizeof(struct hf_work), 1))
		return -1;
	instance = r->value[RIG_INSTANCE];
	instance->abi_major = HF_ABI_MAJOR;
	instance->abi_minor = HF_ABI_MINOR;
	instance->legs = legs;
	instance->frames = frames;
	instance->wheel_capacity = r->capacity;
	r->sock = nl_socket_alloc();
	if (!r->sock || genl_connect(r->sock))
		return -1;
	r->family = genl_ctrl_resolve(r->sock, HOLDFAST_FAMILY);
	r->group = genl_ctrl_resolve_grp(r->sock, HOLDFAST_FAMILY, HOLDFAST_GROUP_EVENTS);
	if (r->family < 0) {
		printf("# no netlink family: is the module loaded?\n");
		return -1;
	}
	return 0;
}

void rig_close(struct rig *r)
{
	for (int i = 0; i < RIG_MAPS; i++)
		if (r->fd[i] > 0)
			close(r->fd[i]);
	/* The memory maps are left: the process of a test ends soon. */
	nl_socket_free(r->sock);
}

static const int rig_attr[RIG_MAPS] = {
	HOLDFAST_A_FD_INSTANCE, HOLDFAST_A_FD_LEGS,
	HOLDFAST_A_FD_CLAIMS, HOLDFAST_A_FD_FRAMES,
	HOLDFAST_A_FD_NEXTHOPS, HOLDFAST_A_FD_WHEEL, HOLDFAST_A_FD_WHEEL_FILL,
	HOLDFAST_A_FD_WORK,
};

static void put_u32(struct nl_msg *m, const struct rig_request *q, int attr, uint32_t v)
{
	if (q->skip == attr)
		return;
	nla_put_u32(m, attr, q->attr == attr ? q->value : v);
}

static struct nl_msg *rig_message(struct rig *r, const struct rig_request *q)
{
	struct nl_msg *m = nlmsg_alloc();

	genlmsg_put(m, NL_AUTO_PORT, NL_AUTO_SEQ, r->family, 0,
		    NLM_F_ACK | (q->dump ? NLM_F_DUMP : 0), q->cmd, HOLDFAST_VERSION);
	if (q->instance)
		nla_put_string(m, HOLDFAST_A_INSTANCE, q->instance);
	if (q->maps) {
		put_u32(m, q, HOLDFAST_A_ABI_MAJOR, HF_ABI_MAJOR);
		for (int i = 0; i < RIG_MAPS; i++)
			put_u32(m, q, rig_attr[i], (uint32_t)r->fd[i]);
	}
	if (q->xdp_xmit)
		nla_put_flag(m, HOLDFAST_A_XDP_XMIT);
	if (q->plain)
		nla_put_flag(m, HOLDFAST_A_PLAIN);
	if (q->event) {
		nla_put_string(m, HOLDFAST_A_EVENT, q->event);
		if (!q->no_event_number)
			nla_put_u64(m, HOLDFAST_A_NUMBER, q->number);
	}
	if (q->extra_type)
		nla_put(m, q->extra_type, q->extra_len, q->extra);
	return m;
}

/* The error and the sentence of an acknowledgement, or of the end of a dump. */
static int rig_read_ack(struct nlmsghdr *h, char *why, int why_len)
{
	struct nlmsgerr *e = nlmsg_data(h);
	int head = (int)sizeof(*e), err = e->error;
	struct nlattr *a;
	int left;

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return err;
	if (h->nlmsg_type == NLMSG_DONE)
		head = (int)sizeof(int);
	else if (!(h->nlmsg_flags & NLM_F_CAPPED))
		head += (int)e->msg.nlmsg_len - (int)sizeof(struct nlmsghdr);
	a = (struct nlattr *)((char *)e + NLMSG_ALIGN(head));
	left = (int)h->nlmsg_len - NLMSG_HDRLEN - NLMSG_ALIGN(head);
	for (; nla_ok(a, left); a = nla_next(a, &left))
		if (nla_type(a) == 1) /* NLMSGERR_ATTR_MSG */
			snprintf(why, (size_t)why_len, "%s", (char *)nla_data(a));
	return err;
}

static void rig_add_stats(struct nlmsghdr *h, struct rig_stats *s)
{
	struct nlattr *a[HOLDFAST_A_MAX + 1];

	if (!s || genlmsg_parse(h, 0, a, HOLDFAST_A_MAX, NULL))
		return;
#define ADD(field, id)                                                         \
	do {                                                                   \
		if (a[HOLDFAST_A_##id])                                        \
			s->field += nla_get_u64(a[HOLDFAST_A_##id]);           \
	} while (0)
	ADD(sent, SENT);
	ADD(skipped, SKIPPED);
	ADD(lost, LOST);
	ADD(idle, IDLE);
	ADD(no_hop, NO_HOP);
	ADD(bad, BAD);
	ADD(no_memory, NO_MEMORY);
	ADD(busy, BUSY);
	ADD(ticks, TICKS);
	ADD(capped, CAPPED);
	ADD(send_ns, SEND_NS);
#undef ADD
	if (a[HOLDFAST_A_LATE_MAX_NS] &&
	    nla_get_u64(a[HOLDFAST_A_LATE_MAX_NS]) > s->late_max_ns)
		s->late_max_ns = nla_get_u64(a[HOLDFAST_A_LATE_MAX_NS]);
	s->cpus++;
}

static int rig_talk(struct rig *r, const struct rig_request *q, char *why,
		    int why_len, struct rig_stats *s)
{
	struct nl_msg *m = rig_message(r, q);
	int fd = nl_socket_get_fd(r->sock), one = 1, result = -EIO;
	static char buffer[65536];

	setsockopt(fd, SOL_NETLINK, 11 /* NETLINK_EXT_ACK */, &one, sizeof(one));
	if (why_len)
		why[0] = 0;
	if (nl_send_auto(r->sock, m) < 0) {
		nlmsg_free(m);
		return -EIO;
	}
	nlmsg_free(m);
	for (;;) {
		int n = (int)recv(fd, buffer, sizeof(buffer), 0);
		struct nlmsghdr *h = (struct nlmsghdr *)buffer;

		if (n < 0)
			return -errno;
		for (; nlmsg_ok(h, n); h = nlmsg_next(h, &n)) {
			if (h->nlmsg_type == NLMSG_ERROR)
				return rig_read_ack(h, why, why_len);
			if (h->nlmsg_type == NLMSG_DONE) {
				result = rig_read_ack(h, why, why_len);
				return result > 0 ? 0 : result;
			}
			rig_add_stats(h, s);
		}
	}
}

int rig_ask(struct rig *r, const struct rig_request *q, char *why, int why_len)
{
	return rig_talk(r, q, why, why_len, NULL);
}

static int rig_counters(struct rig *r, const char *instance, int dump, struct rig_stats *s)
{
	struct rig_request q = { .cmd = HOLDFAST_CMD_GET_STATS,
				 .instance = instance, .dump = dump };
	char why[128];

	memset(s, 0, sizeof(*s));
	return rig_talk(r, &q, why, sizeof(why), s);
}

int rig_stats(struct rig *r, const char *instance, struct rig_stats *s)
{
	return rig_counters(r, instance, 1, s);
}

int rig_total(struct rig *r, const char *instance, struct rig_stats *s)
{
	return rig_counters(r, instance, 0, s);
}

void rig_frames(struct rig *r)
{
	struct hf_frame *f = r->value[RIG_FRAMES];

	for (uint32_t i = 0; i < r->frames; i++) {
		for (uint32_t k = 0; k < HF_FRAME_BYTES; k++)
			f[i].payload[k] = (uint8_t)(i * 7 + k * 13);
		f[i].bytes = HF_FRAME_BYTES;
		f[i].sum = hf_csum_bytes(f[i].payload, HF_FRAME_BYTES);
	}
}

void rig_hop(struct rig *r, uint32_t index, const char *dev, const uint8_t dmac[6])
{
	struct hf_nexthop *n = (struct hf_nexthop *)r->value[RIG_NEXTHOPS] + index;
	struct hf_hop *h = &n->hop[(n->turn + 1) & 1];
	struct ifreq ifr = { 0 };
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", dev);
	ioctl(s, SIOCGIFHWADDR, &ifr);
	memset(h, 0, sizeof(*h));
	h->ifindex = if_nametoindex(dev);
	h->mtu = 1500;
	h->flags = HF_HOP_VALID;
	memcpy(h->smac, ifr.ifr_hwaddr.sa_data, 6);
	memcpy(h->dmac, dmac, 6);
	n->wanted = 1;
	hf_store_release(&n->turn, n->turn + 1);
	close(s);
}

static struct hf_leg_at rig_leg_at(struct rig *r, uint32_t leg)
{
	return (struct hf_leg_at){ (struct hf_leg *)r->value[RIG_LEGS] + leg,
				   rig_word(r, leg) };
}

__u64 *rig_word(struct rig *r, uint32_t leg)
{
	return &((struct hf_claim *)r->value[RIG_CLAIMS])[leg].word;
}

void rig_leg(struct rig *r, uint32_t leg, uint16_t port, uint64_t base_ns)
{
	struct hf_leg_at at = rig_leg_at(r, leg);
	struct hf_program p = {
		.base_ns = base_ns,
		.ptime_ns = 20 * HF_MS,
		.ts_base = 1000 * leg,
		.ssrc = HF_HTONL(0x48460000u + leg),
		.ts_step = 160,
		.mode = HF_MODE_HOLD,
		.payload_type = 0,
		.remote_ip4 = HF_HTONL(0x0a090002),
		.local_ip4 = HF_HTONL(0x0a090001),
		.remote_port = HF_HTONS(port),
		.local_port = HF_HTONS((uint16_t)(20000 + 2 * leg)),
		.nexthop = 0,
		.flags = HF_PROGRAM_MARK_FIRST,
		.peer = HF_LEG_NONE,
		.loop_first = 0,
		.loop_len = r->frames,
	};
	struct hf_wheel_entry *w = r->value[RIG_WHEEL];
	struct hf_wheel_fill *fill = r->value[RIG_FILL];
	uint32_t bucket = 10 + (uint32_t)(base_ns / HF_MS % 20);
	uint64_t word;

	do
		word = hf_load_acquire(at.word);
	while (!hf_flip(&at, word, &p, 0, 0));
	w[bucket * r->capacity + fill[bucket].entries].leg = leg;
	hf_store_release(&fill[bucket].entries, fill[bucket].entries + 1);
}

void rig_leg_stop(struct rig *r, uint32_t leg)
{
	struct hf_leg_at at = rig_leg_at(r, leg);
	struct hf_program p = { .ptime_ns = 20 * HF_MS, .mode = HF_MODE_IDLE,
				.peer = HF_LEG_NONE };
	uint64_t word;

	do
		word = hf_load_acquire(at.word);
	while (!hf_flip(&at, word, &p, 0, 0));
}
