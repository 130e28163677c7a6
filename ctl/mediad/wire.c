// SPDX-License-Identifier: GPL-2.0-or-later
/* RTCP onto the wire, see wire.h. */
#include "mediad/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "holdfast/csum.h"

#define HOPS 64

struct hf_rtcp_wire {
	int fd4, fd6; /* -1: not on this host */
	uint8_t tos;
};

void hf_udp_head(uint8_t *udp, const struct hf_rtcp_line *l, uint16_t bytes)
{
	size_t address = l->family == 6 ? 16 : 4;
	uint16_t head[4] = {l->local_port, l->remote_port,
			    htons((uint16_t)(bytes + 8)), 0};
	uint64_t sum;

	memcpy(udp, head, sizeof(head));
	/* RFC 768, RFC 8200 8.1: addresses, protocol and length come too. */
	sum = (uint64_t)hf_csum_bytes(l->local, address) +
	      hf_csum_bytes(l->remote, address) + htons(IPPROTO_UDP) + head[2] +
	      hf_csum_bytes(udp, 8u + bytes);
	head[3] = hf_csum_udp(sum);
	memcpy(udp, head, sizeof(head));
}

/* The route is asked for with our address, as policy routing wants it. */
static int send4(const struct hf_rtcp_wire *w, const struct hf_rtcp_line *l,
		 uint8_t *datagram, uint16_t bytes)
{
	struct iphdr ip = {.version = 4,
			   .ihl = 5,
			   .tos = w->tos,
			   .tot_len = htons((uint16_t)(bytes + 28)),
			   .frag_off = htons(IP_DF),
			   .ttl = HOPS,
			   .protocol = IPPROTO_UDP};
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct iovec io[2] = {{&ip, sizeof(ip)}, {datagram, bytes + 8u}};
	union {
		char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr align;
	} control = {0};
	struct msghdr m = {.msg_name = &to,
			   .msg_namelen = sizeof(to),
			   .msg_iov = io,
			   .msg_iovlen = 2,
			   .msg_control = control.room,
			   .msg_controllen = sizeof(control.room)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	struct in_pktinfo from = {0};

	memcpy(&ip.saddr, l->local, 4);
	memcpy(&ip.daddr, l->remote, 4);
	memcpy(&to.sin_addr, l->remote, 4);
	memcpy(&from.ipi_spec_dst, l->local, 4);
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(from));
	memcpy(CMSG_DATA(c), &from, sizeof(from));
	return sendmsg(w->fd4, &m, MSG_DONTWAIT) < 0 ? -errno : 0;
}

static int send6(const struct hf_rtcp_wire *w, const struct hf_rtcp_line *l,
		 uint8_t *datagram, uint16_t bytes)
{
	struct ip6_hdr ip = {.ip6_flow =
				     htonl(6u << 28 | (uint32_t)w->tos << 20),
			     .ip6_plen = htons((uint16_t)(bytes + 8)),
			     .ip6_nxt = IPPROTO_UDP,
			     .ip6_hlim = HOPS};
	struct sockaddr_in6 to = {.sin6_family = AF_INET6};
	struct iovec io[2] = {{&ip, sizeof(ip)}, {datagram, bytes + 8u}};
	struct msghdr m = {.msg_name = &to,
			   .msg_namelen = sizeof(to),
			   .msg_iov = io,
			   .msg_iovlen = 2};

	memcpy(&ip.ip6_src, l->local, 16);
	memcpy(&ip.ip6_dst, l->remote, 16);
	memcpy(&to.sin6_addr, l->remote, 16);
	return sendmsg(w->fd6, &m, MSG_DONTWAIT) < 0 ? -errno : 0;
}

int hf_rtcp_wire_send(struct hf_rtcp_wire *w, const struct hf_rtcp_line *l,
		      const struct hf_rtcp_report *report)
{
	uint8_t datagram[8 + HF_RTCP_BYTES_MAX];
	size_t bytes = hf_rtcp_write(report, datagram + 8, HF_RTCP_BYTES_MAX);

	if (!bytes)
		return -EINVAL;
	hf_udp_head(datagram, l, (uint16_t)bytes);
	if (l->family == 6)
		return w->fd6 < 0 ? -EAFNOSUPPORT
				  : send6(w, l, datagram, (uint16_t)bytes);
	return send4(w, l, datagram, (uint16_t)bytes);
}

int hf_rtcp_wire_give(struct hf_rtcp_wire *w, const uint8_t *packet,
		      uint16_t bytes)
{
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	} to = {0};
	bool six = bytes && packet[0] >> 4 == 6;
	int fd = six ? w->fd6 : w->fd4;

	if (bytes < (six ? sizeof(struct ip6_hdr) : sizeof(struct iphdr)))
		return -EBADMSG;
	if (fd < 0)
		return -EAFNOSUPPORT;
	to.any.sa_family = six ? AF_INET6 : AF_INET;
	if (six)
		memcpy(&to.six.sin6_addr,
		       packet + offsetof(struct ip6_hdr, ip6_dst), 16);
	else
		memcpy(&to.four.sin_addr,
		       packet + offsetof(struct iphdr, daddr), 4);
	return sendto(fd, packet, bytes, MSG_DONTWAIT, &to.any,
		      six ? sizeof(to.six) : sizeof(to.four)) < 0 ?
		       -errno :
		       0;
}

int hf_rtcp_wire_open(uint8_t tos, struct hf_rtcp_wire **ret)
{
	struct hf_rtcp_wire *w = calloc(1, sizeof(*w));
	int on = 1, none = 0;

	if (!w)
		return -ENOMEM;
	w->tos = tos;
	w->fd4 = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (w->fd4 < 0) {
		free(w);
		return -errno;
	}
	w->fd6 = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (w->fd6 >= 0 &&
	    setsockopt(w->fd6, IPPROTO_IPV6, IPV6_HDRINCL, &on, sizeof(on))) {
		close(w->fd6);
		w->fd6 = -1;
	}
	/* They only send; a raw socket would get copies of what comes in. */
	setsockopt(w->fd4, SOL_SOCKET, SO_RCVBUF, &none, sizeof(none));
	if (w->fd6 >= 0)
		setsockopt(w->fd6, SOL_SOCKET, SO_RCVBUF, &none, sizeof(none));
	*ret = w;
	return 0;
}

void hf_rtcp_wire_close(struct hf_rtcp_wire *w)
{
	if (!w)
		return;
	close(w->fd4);
	if (w->fd6 >= 0)
		close(w->fd6);
	free(w);
}
