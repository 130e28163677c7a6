// SPDX-License-Identifier: GPL-2.0-or-later
/* Asking neighbours, see ask.h. */
#include "mediad/ask.h"

#include <linux/filter.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHAIN_REST 64  /* ways looked at behind one that was asked about */
#define EAR_ROOM   512 /* answers looked at in one turn */

void hf_asker_open(struct hf_asker *a)
{
	struct icmp6_filter none;
	int hops = 255; /* RFC 4861 7.1.1 */

	memset(a, 0, sizeof(*a));
	a->ear = -1;
	/* Protocol 0: it hears nothing. */
	a->arp = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	a->icmp6 = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);
	if (a->icmp6 < 0)
		return;
	ICMP6_FILTER_SETBLOCKALL(&none);
	setsockopt(a->icmp6, IPPROTO_ICMPV6, ICMP6_FILTER, &none, sizeof(none));
	setsockopt(a->icmp6, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops,
		   sizeof(hops));
	setsockopt(a->icmp6, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops,
		   sizeof(hops));
}

void hf_asker_close(struct hf_asker *a)
{
	if (a->arp >= 0)
		close(a->arp);
	if (a->icmp6 >= 0)
		close(a->icmp6);
	if (a->ear >= 0)
		close(a->ear);
}

/* RFC 826, to the neighbour itself (RFC 1122 2.3.2.1) or to all. */
static void ask4(const struct hf_asker *a, const struct hf_question *q,
		 bool all)
{
	static const uint8_t everybody[6] = {0xff, 0xff, 0xff,
					     0xff, 0xff, 0xff};
	struct ether_arp arp = {
		.ea_hdr = {.ar_hrd = htons(ARPHRD_ETHER),
			   .ar_pro = htons(ETH_P_IP),
			   .ar_hln = 6,
			   .ar_pln = 4,
			   .ar_op = htons(ARPOP_REQUEST)},
	};
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ARP),
				 .sll_ifindex = (int)q->ifindex,
				 .sll_halen = 6};

	memcpy(arp.arp_sha, q->own, 6);
	memcpy(arp.arp_spa, &q->from.s_addr, 4);
	memcpy(arp.arp_tpa, &q->via.s_addr, 4);
	memcpy(to.sll_addr, all ? everybody : q->mac, 6);
	(void)sendto(a->arp, &arp, sizeof(arp), MSG_DONTWAIT,
		     (struct sockaddr *)&to, sizeof(to));
}

/* RFC 4861 4.3 and 7.2.2. The kernel sends it from the right address, and to
 * the hardware address that it knows. */
static void ask6(const struct hf_asker *a, const struct hf_question *q,
		 bool all)
{
	struct {
		struct nd_neighbor_solicit head;
		struct nd_opt_hdr option;
		uint8_t mac[6];
	} ns = {
		.head.nd_ns_hdr.icmp6_type = ND_NEIGHBOR_SOLICIT,
		.head.nd_ns_target = q->via.six,
		.option = {ND_OPT_SOURCE_LINKADDR, 1},
	};
	struct sockaddr_in6 to = {.sin6_family = AF_INET6,
				  .sin6_addr = q->via.six,
				  .sin6_scope_id = q->ifindex};
	static const uint8_t group[13] = {0xff, 2, 0, 0, 0, 0,	 0,
					  0,	0, 0, 0, 1, 0xff};

	memcpy(ns.mac, q->own, 6);
	if (all)
		memcpy(&to.sin6_addr, group, sizeof(group));
	(void)sendto(a->icmp6, &ns, sizeof(ns), MSG_DONTWAIT,
		     (struct sockaddr *)&to, sizeof(to));
}

static void ask(const struct hf_asker *a, const struct hf_question *q, bool all)
{
	if (hf_ip_is6(&q->via))
		ask6(a, q, all);
	else
		ask4(a, q, all);
}

/* Whom this way leads to, if that is somebody who can be asked. */
static bool question_of(const struct hf_asker *a, const struct hf_wayfinder *f,
			const struct hf_way *w, struct hf_question *ret)
{
	struct hf_hop hop = hf_hop_current(&f->setup.table[w->index]);
	bool six = hf_ip_is6(&w->via);

	/* One that is kept for a while after its last call counts as one. */
	if (HF_READ(f->setup.table[w->index].wanted) < 2 ||
	    w->state != HF_WAY_OPEN || !(hop.flags & HF_HOP_VALID) ||
	    hop.flags & HF_HOP_LOCAL || hop.dmac[0] & 1 ||
	    !memcmp(hop.dmac, hop.smac, 6) || (six ? a->icmp6 : a->arp) < 0 ||
	    (!six && (!w->from.s_addr || hf_ip_is6(&w->from))))
		return false;
	*ret = (struct hf_question){.ifindex = w->route_ifindex,
				    .via = w->via,
				    .from = w->from};
	memcpy(ret->mac, hop.dmac, 6);
	memcpy(ret->own, hop.smac, 6);
	return true;
}

static bool same_neighbour(const struct hf_way *a, const struct hf_way *b)
{
	return a->route_ifindex == b->route_ifindex &&
	       hf_ip_equal(&a->via, &b->via);
}

/* The ways of a chain mostly lead to one neighbour; another one is near. */
static void ask_chain(struct hf_asker *a, const struct hf_wayfinder *f,
		      const struct hf_way *w)
{
	const struct hf_way *asked = NULL;
	uint32_t left = CHAIN_REST;

	for (; w && left && a->asked < HF_ASK_AT_ONCE; w = w->chain) {
		struct hf_question *q = &a->question[a->asked];

		if (asked)
			left--;
		if ((asked && same_neighbour(w, asked)) ||
		    !question_of(a, f, w, q))
			continue;
		ask(a, q, false);
		a->asked++;
		asked = w;
	}
}

static void ask_next(struct hf_asker *a, const struct hf_wayfinder *f)
{
	a->asked = 0;
	for (uint32_t i = 0; i < HF_WAY_CHAINS && a->asked < HF_ASK_AT_ONCE;
	     i++) {
		a->chain = (a->chain + 1) % HF_WAY_CHAINS;
		if (f->chain[a->chain])
			ask_chain(a, f, f->chain[a->chain]);
	}
}

/* For so long after it changed anything about a neighbour, if only that it is in
 * use, the kernel believes no other answer over ARP, since several proxies may
 * give one. A setting of the device. */
static uint64_t locktime_ms(uint32_t ifindex)
{
	char name[IF_NAMESIZE], path[80];
	unsigned long hundredths = 100;
	FILE *f = NULL;

	if (if_indextoname(ifindex, name)) {
		snprintf(path, sizeof(path),
			 "/proc/sys/net/ipv4/neigh/%s/locktime", name);
		f = fopen(path, "re");
	}
	if (f) {
		if (fscanf(f, "%lu", &hundredths) != 1)
			hundredths = 100;
		fclose(f);
	}
	return 10ULL * hundredths;
}

/* Would the kernel not believe whoever answers now? With what clocks differ by. */
static bool is_locked(const struct hf_question *q, const struct hf_neigh *n)
{
	return !hf_ip_is6(&q->via) && n->known && !n->others &&
	       n->updated_ms <= locktime_ms(q->ifindex) + HF_ASK_PATIENCE_MS;
}

/* From now on answers over ARP are heard. */
static int ear_open(void)
{
	struct sock_filter answers[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS,
			 offsetof(struct ether_arp, arp_op)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARPOP_REPLY, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, sizeof(struct ether_arp)),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog only = {
		.len = sizeof(answers) / sizeof(*answers), .filter = answers};
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			htons(ETH_P_ARP));

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &only,
			   sizeof(only));
	return fd;
}

static void ear_close(struct hf_asker *a)
{
	if (a->ear >= 0)
		close(a->ear);
	a->ear = -1;
}

static void ask_aloud(struct hf_asker *a, struct hf_wayfinder *f)
{
	for (uint32_t i = 0; i < a->asked; i++) {
		struct hf_question *q = &a->question[i];
		struct hf_neigh n = {0};

		if (!hf_netlink_neigh(f->nl, q->ifindex, &q->via, &n) &&
		    (n.fixed || n.confirmed_ms <= 2 * HF_ASK_PATIENCE_MS))
			continue;
		q->locked = is_locked(q, &n);
		if (q->locked && a->ear < 0)
			a->ear = ear_open();
		ask(a, q, true);
	}
}

/* An answer from elsewhere to a question that the neighbour itself, where it
 * was until now, has not answered. */
static bool answers(const struct hf_question *q, const struct sockaddr_ll *from,
		    const struct ether_arp *arp)
{
	return q->locked && from->sll_ifindex == (int)q->ifindex &&
	       from->sll_pkttype == PACKET_HOST &&
	       arp->ea_hdr.ar_op == htons(ARPOP_REPLY) &&
	       arp->ea_hdr.ar_hln == 6 && arp->ea_hdr.ar_pln == 4 &&
	       !memcmp(arp->arp_spa, &q->via.s_addr, 4) &&
	       !memcmp(arp->arp_tpa, &q->from.s_addr, 4) &&
	       !(arp->arp_sha[0] & 1);
}

/* Of several the first is right: its question is answered. */
static void take(struct hf_netlink *nl, struct hf_question *q,
		 const uint8_t mac[6])
{
	struct hf_neigh n;

	q->locked = false;
	if (!hf_netlink_neigh(nl, q->ifindex, &q->via, &n) && is_locked(q, &n) &&
	    !n.fixed && !memcmp(n.mac, q->mac, 6) && memcmp(n.mac, mac, 6))
		hf_netlink_neigh_found(nl, q->ifindex, &q->via, mac);
}

static void hear(struct hf_asker *a, struct hf_wayfinder *f)
{
	for (uint32_t left = EAR_ROOM; left; left--) {
		struct sockaddr_ll from;
		socklen_t len = sizeof(from);
		struct ether_arp arp;

		if (recvfrom(a->ear, &arp, sizeof(arp), 0,
			     (struct sockaddr *)&from, &len) != sizeof(arp))
			break;
		for (uint32_t i = 0; i < a->asked; i++)
			if (answers(&a->question[i], &from, &arp))
				take(f->nl, &a->question[i], arp.arp_sha);
	}
	ear_close(a);
}

void hf_asker_stop(struct hf_asker *a)
{
	ear_close(a);
	a->waiting = false;
	a->next_ms = 0;
}

void hf_asker_turn(struct hf_asker *a, struct hf_wayfinder *f, uint64_t now_ms)
{
	if (a->waiting) {
		ask_aloud(a, f);
		a->waiting = false;
		a->next_ms = now_ms + (a->ear < 0 ?
					       HF_ASK_EVERY_MS - HF_ASK_PATIENCE_MS :
					       HF_ASK_PATIENCE_MS);
		return;
	}
	if (a->ear >= 0) {
		hear(a, f);
		a->next_ms = now_ms + HF_ASK_EVERY_MS - 2 * HF_ASK_PATIENCE_MS;
		return;
	}
	ask_next(a, f);
	a->waiting = a->asked;
	a->rests = !a->asked;
	a->next_ms = a->asked ? now_ms + HF_ASK_PATIENCE_MS : 0;
}
