// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The way to each peer, as the media keeper finds and follows it: real devices,
 * routes and neighbours. See mediad_stage.h for the stage; what is sent there is
 * in test_mediad.c.
 */
/* rooms: mediad media audio sdp config base */
#include "../unit/test.h"

#include "mediad_legs.h"
#include "mediad/netlink.h"

static bool mac_is(const uint8_t *mac, const char *text)
{
	char now[18];

	snprintf(now, sizeof(now), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0],
		 mac[1], mac[2], mac[3], mac[4], mac[5]);
	return !strcmp(now, text);
}

TEST(a_gateway_that_changes_its_hardware_address_is_followed_within_a_second)
{
	uint8_t b[2048];
	STAGE(s);

	sh("ip route add 192.0.2.0/24 via 10.9.0.2");
	CHECK(stage_reach(&s, 0, "192.0.2.77"));
	hold(&s, 0, 0, hf_now_ms() + 30);
	CHECK(next_packet(&s, b, sizeof(b), 1000));
	CHECK(!peer_sh(&s, "ip link set hfm1 address 02:00:00:00:be:ef"));
	CHECK(WAIT_FOR(1000,
		       mac_is(stage_hop(&s, 0).dmac, "02:00:00:00:be:ef")));
	CHECK(WAIT_FOR(1000, next_packet(&s, b, sizeof(b), 100) &&
				     mac_is(b, "02:00:00:00:be:ef")));
}

#define MOVED "02:00:00:00:be:ef"

/* The neighbours of ways 0 and 1 get another address, and tell nobody. */
static bool gateway_moves(struct stage *s)
{
	uint64_t begin = hf_now_ms();

	if (peer_sh(s, "ip link set hfm1 address " MOVED) ||
	    !WAIT_FOR(8000, mac_is(stage_hop(s, 0).dmac, MOVED) &&
				    mac_is(stage_hop(s, 1).dmac, MOVED)))
		return false;
	printf("# after %u ms\n", (unsigned int)(hf_now_ms() - begin));
	return true;
}

/* How it is found then: by asking it, and when it does not answer, all. Also
 * when the kernel would not believe who answers, for a minute to come. */
TEST(a_gateway_with_another_hardware_address_that_tells_nobody_is_found)
{
	STAGE(s);

	CHECK(!peer_sh(&s,
		       "echo 0 > /proc/sys/net/ipv4/conf/hfm1/arp_notify"));
	sh("echo 6000 > /proc/sys/net/ipv4/neigh/hfm0/locktime; "
	   "ip route add 192.0.2.0/24 via 10.9.0.2");
	CHECK(stage_reach(&s, 0, "192.0.2.77") && stage_reach(&s, 1, "10.9.0.3"));
	/* With a call each; else nobody is asked. */
	s.pins.nexthops[0].wanted = s.pins.nexthops[1].wanted = 2;
	stage_poke(&s, HF_POKE_NEXTHOP);
	CHECK(gateway_moves(&s));
}

/* Two gateways: one by its address of the network, one by that of the link. */
#define LINK6 "fe80::9:2"

TEST(of_ipv6_too_a_gateway_with_another_hardware_address_is_found)
{
	uint8_t b[2048];
	int wire;
	STAGE(s);

	wire = wire6_open(&s);
	if (wire < 0)
		SKIP("this kernel has no IPv6");
	CHECK(!peer_sh(&s, "ip addr add " LINK6 "/64 dev hfm1 nodad"));
	sh("ip route add 2001:db8:77::/48 via " REMOTE6 "; "
	   "ip route add 2001:db8:78::/48 via " LINK6 " dev hfm0");
	CHECK(stage_reach(&s, 0, "2001:db8:77::77"));
	CHECK(stage_reach(&s, 1, "2001:db8:78::78"));
	s.pins.nexthops[0].wanted = s.pins.nexthops[1].wanted = 2;
	stage_poke(&s, HF_POKE_NEXTHOP);
	hold6(&s, "2001:db8:77::77", hf_now_ms() + 30);
	CHECK(WAIT_FOR(1000, next_on(wire, true, b, sizeof(b), 100)));
	CHECK(gateway_moves(&s));
	CHECK(WAIT_FOR(1000, next_on(wire, true, b, sizeof(b), 100) &&
				     mac_is(b, MOVED)));
	close(wire);
}

/* Where way 3 leads from here on: the gateway has that address there. */
static void route_changes(struct stage *s, const char *net, const char *dest,
			  const char *first, const char *second)
{
	struct hf_hop hop;
	uint32_t turn;

	sh("ip route add %s via %s", net, first);
	CHECK(stage_reach(s, 3, dest));
	hop = stage_hop(s, 3);
	CHECK_INT(hop.ifindex, if_nametoindex("hfm0"));
	turn = s->pins.nexthops[3].turn;
	sh("ip route replace %s via %s", net, second);
	CHECK(WAIT_FOR(1000, stage_hop_valid(s, 3) &&
				     stage_hop(s, 3).ifindex ==
					     if_nametoindex("hfn0")));
	CHECK(s->pins.nexthops[3].turn > turn);
	hop = stage_hop(s, 3);
	CHECK(mac_is(hop.dmac, "02:00:00:00:00:99"));
	sh("ip route del %s", net);
	CHECK(WAIT_FOR(1000, !stage_hop_valid(s, 3)));
}

TEST(a_changed_route_leads_to_its_new_gateway_within_a_second)
{
	int wire;
	STAGE(s);

	wire = wire6_open(&s);
	sh("ip link add hfn0 type veth peer name hfn1 netns %d", (int)s.peer);
	sh("ip addr add 10.10.0.1/24 dev hfn0; ip link set hfn0 up");
	CHECK(!peer_sh(&s, "ip addr add 10.10.0.2/24 dev hfn1; "
			   "ip link set hfn1 address 02:00:00:00:00:99 up"));
	route_changes(&s, "192.0.2.0/24", "192.0.2.77", "10.9.0.2",
		      "10.10.0.2");
	if (wire < 0)
		return;
	sh(ON6, "hfn0", "2001:db8:10::1");
	CHECK(!peer_sh(&s, ON6, "hfn1", "2001:db8:10::2"));
	route_changes(&s, "2001:db8:77::/48", "2001:db8:77::77", REMOTE6,
		      "2001:db8:10::2");
	close(wire);
}

TEST(the_own_device_is_followed_through_address_mtu_down_up_and_re_creation)
{
	uint32_t key, value, old;
	STAGE(s);

	CHECK(stage_reach(&s, 0, REMOTE));
	CHECK_INT(stage_hop(&s, 0).mtu, 1500);
	CHECK_INT(stage_hop(&s, 0).tos, STAGE_TOS);
	sh("ip link set hfm0 mtu 1300 address 02:00:00:00:00:01");
	CHECK(WAIT_FOR(1000,
		       stage_hop_valid(&s, 0) && stage_hop(&s, 0).mtu == 1300));
	CHECK(WAIT_FOR(1000,
		       mac_is(stage_hop(&s, 0).smac, "02:00:00:00:00:01")));
	sh("ip link set hfm0 down");
	CHECK(WAIT_FOR(1000, !stage_hop_valid(&s, 0)));
	sh("ip link set hfm0 up");
	/* The peer's device may take a second to see its carrier and answer. */
	CHECK(WAIT_FOR(4000, stage_hop_valid(&s, 0)));
	old = if_nametoindex("hfm0");
	sh("ip link del hfm0");
	CHECK(WAIT_FOR(1000, !stage_hop_valid(&s, 0)));
	sh("ip link add hfm0 type veth peer name hfm1 netns %d", (int)s.peer);
	sh("ip addr add 10.9.0.1/24 dev hfm0; ip link set hfm0 up");
	CHECK(!peer_sh(&s, "ip addr add 10.9.0.2/24 dev hfm1; "
			   "ip link set hfm1 up; ethtool -K hfm1 gro on"));
	CHECK(WAIT_FOR(4000, stage_hop_valid(&s, 0)));
	key = stage_hop(&s, 0).ifindex;
	CHECK_INT(key, if_nametoindex("hfm0"));
	CHECK(key != old);
	CHECK(!bpf_map_lookup_elem(s.pins.fd[HF_PIN_devmap], &key, &value));
	CHECK_INT(value, key);
}

TEST(a_neighbour_that_is_silent_at_first_is_found_when_it_wakes_up)
{
	STAGE(s);

	CHECK(!peer_sh(&s, "ip addr del 10.9.0.3/24 dev hfm1"));
	stage_want(&s, 0, "10.9.0.3");
	CHECK(WAIT_FOR(1000, s.pins.work->pid && !stage_hop_valid(&s, 0)));
	CHECK(!WAIT_FOR(300, stage_hop_valid(&s, 0)));
	CHECK(!peer_sh(&s, "echo 0 > /proc/sys/net/ipv4/conf/hfm1/arp_notify; "
			   "ip addr add 10.9.0.3/24 dev hfm1"));
	CHECK(WAIT_FOR(5000, stage_hop_valid(&s, 0)));
}

TEST(an_entry_used_again_for_another_destination_is_resolved_again)
{
	struct hf_hop first, second;
	STAGE(s);

	sh("ip neigh replace 10.9.0.7 lladdr 02:00:00:00:00:07 dev hfm0 nud permanent");
	CHECK(stage_reach(&s, 5, REMOTE));
	first = stage_hop(&s, 5);
	s.pins.nexthops[5].wanted = 0;
	CHECK(stage_reach(&s, 5, "10.9.0.7"));
	second = stage_hop(&s, 5);
	CHECK(mac_is(second.dmac, "02:00:00:00:00:07"));
	CHECK(memcmp(first.dmac, second.dmac, 6));
	/* The same destination again: the controller wiped the hop. */
	s.pins.nexthops[5].wanted = 0;
	CHECK(stage_reach(&s, 5, "10.9.0.7"));
}

TEST(an_entry_of_the_neighbour_table_that_is_somebody_elses_stays_as_it_is)
{
	struct hf_netlink *nl = NULL;
	STAGE(s);

	sh("i=\"ip neigh replace dev hfm0\"; "
	   "$i 10.9.0.7 lladdr 02:00:00:00:00:07 nud permanent; "
	   "$i 10.9.0.8 lladdr 02:00:00:00:00:08 nud stale extern_learn; "
	   "$i 10.9.0.9 managed");
	CHECK(!hf_netlink_open(NULL, &nl));
	for (unsigned int i = 7; i <= 10; i++) {
		struct hf_ip ip = {.s_addr = htonl(0x0a090000 | i)};

		CHECK(!hf_netlink_neigh_use(nl, if_nametoindex("hfm0"), &ip));
	}
	hf_netlink_close(nl);
	CHECK(!sh("ip neigh show 10.9.0.7 | grep 00:07.PERMANENT"));
	CHECK(!sh("ip neigh show 10.9.0.8 | grep 00:08.extern_learn"));
	CHECK(!sh("ip neigh show 10.9.0.9 | grep managed"));
	CHECK(!sh("ip neigh show 10.9.0.10 | grep INCOMPLETE"));
}

TEST(a_destination_on_this_host_is_marked_as_one_that_takes_no_redirect)
{
	STAGE(s);

	CHECK(stage_reach(&s, 0, "127.0.0.1"));
	CHECK_INT(stage_hop(&s, 0).flags,
		  HF_HOP_VALID | HF_HOP_NO_REDIRECT | HF_HOP_LOCAL);
	CHECK_INT(stage_hop(&s, 0).ifindex, 1);
}

TEST(a_bridge_is_known_to_take_no_redirect_and_is_not_given_any)
{
	uint32_t key;
	STAGE(s);

	if (sh("ip link add hfb0 type bridge"))
		SKIP("this kernel has no bridge");
	sh("ip link set hfb0 up; ip addr flush dev hfm0; ip link set hfm0 master hfb0; "
	   "ip addr add 10.9.0.1/24 dev hfb0");
	CHECK(stage_reach(&s, 0, REMOTE));
	CHECK_INT(stage_hop(&s, 0).flags, HF_HOP_VALID | HF_HOP_NO_REDIRECT);
	key = stage_hop(&s, 0).ifindex;
	CHECK_INT(key, if_nametoindex("hfb0"));
	CHECK(bpf_map_lookup_elem(s.pins.fd[HF_PIN_devmap], &key, &key));
}

TEST(more_changes_than_it_can_read_make_it_look_at_everything_again)
{
	STAGE(s);

	CHECK(stage_reach(&s, 0, REMOTE));
	kill(s.mediad, SIGSTOP);
	/* Its buffer is full long before the change that matters. */
	sh("i=0; while [ $i -lt 40 ]; do j=1; while [ $j -lt 250 ]; do "
	   "echo neigh add 198.18.$i.$j lladdr 02:00:00:00:00:01 dev hfm0 "
	   "nud permanent; j=$((j+1)); done; i=$((i+1)); done | ip -batch -");
	sh("ip neigh replace 10.9.0.2 lladdr 02:00:00:00:00:09 dev hfm0 "
	   "nud permanent");
	kill(s.mediad, SIGCONT);
	CHECK(WAIT_FOR(2000,
		       mac_is(stage_hop(&s, 0).dmac, "02:00:00:00:00:09")));
}

TEST_MAIN()
