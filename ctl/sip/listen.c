// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The addresses we listen on: binding them with an error that a person can act
 * on, a receive buffer that holds a burst, and the two questions of the other
 * files: where did this request come in, and which of our addresses faces that
 * peer. agent.c calls hf_listen_all() once.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sofia-sip/msg_addr.h>

#include "private.h"

/* A second of 5000 datagrams; with the usual 208 KiB a burst loses ACKs. */
#define HF_UDP_RECEIVE_BYTES (4 << 20)

static bool is_udp(const struct hf_listener *l)
{
	return !strcmp(l->transport, "udp");
}

static bool address_of(const struct hf_listener *l, struct sockaddr_in *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->sin_family = AF_INET;
	ret->sin_port = htons(l->port);
	return inet_pton(AF_INET, l->host, &ret->sin_addr) == 1;
}

/* The stack hides why a bind failed; try it the same way and say. */
static int probe(const struct hf_listener *l, char *err, size_t err_len)
{
	struct sockaddr_in address;
	int fd, error = 0, on = 1;
	char hint[96] = "";

	if (!address_of(l, &address)) {
		snprintf(err, err_len,
			 "cannot listen on %s:%s:%u: not an IPv4 address",
			 l->transport, l->host, l->port);
		return -EAFNOSUPPORT;
	}
	fd = socket(AF_INET,
		    (is_udp(l) ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	if (fd < 0)
		error = errno;
	else if (!is_udp(l) &&
		 setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		error = errno;
	else if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		error = errno;
	/* A TCP port beside a listener can be bound, but not listened on. */
	else if (!is_udp(l) && listen(fd, 1) < 0)
		error = errno;
	if (fd >= 0)
		close(fd);
	if (!error)
		return 0;
	if (error == EADDRINUSE)
		snprintf(hint, sizeof(hint),
			 " (another SIP server? `ss -%slpn sport = %u` tells)",
			 is_udp(l) ? "u" : "t", l->port);
	else if (error == EADDRNOTAVAIL)
		snprintf(
			hint, sizeof(hint),
			" (no interface has it; `ip -br address` shows which there are)");
	else if (error == EACCES || error == EPERM)
		snprintf(
			hint, sizeof(hint),
			" (ports below 1024 need root or CAP_NET_BIND_SERVICE)");
	snprintf(err, err_len, "cannot listen on %s:%s:%u: %s%s", l->transport,
		 l->host, l->port, strerror(error), hint);
	return -error;
}

/*
 * The stack asks for the buffer with SO_RCVBUF, which net.core.rmem_max cuts;
 * with CAP_NET_ADMIN we may have it all. The socket is found by its address,
 * for the stack does not give it away. Without the privilege it stays small.
 */
static void force_receive_buffer(const struct hf_listener *l)
{
	struct sockaddr_in want;
	struct dirent *entry;
	DIR *dir = opendir("/proc/self/fd");
	int bytes = HF_UDP_RECEIVE_BYTES;

	if (!dir || !address_of(l, &want)) {
		if (dir)
			closedir(dir);
		return;
	}
	while ((entry = readdir(dir))) {
		struct sockaddr_in have = {0};
		socklen_t len = sizeof(have), type_len = sizeof(int);
		int fd = atoi(entry->d_name), type = 0;

		if (entry->d_name[0] == '.' ||
		    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) < 0 ||
		    type != SOCK_DGRAM ||
		    getsockname(fd, (struct sockaddr *)&have, &len) < 0)
			continue;
		if (have.sin_family == AF_INET &&
		    have.sin_port == want.sin_port &&
		    have.sin_addr.s_addr == want.sin_addr.s_addr)
			setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes,
				   sizeof(bytes));
	}
	closedir(dir);
}

static int listen_one(struct hf_sip *sip, const struct hf_listener *l,
		      char *err, size_t err_len)
{
	char url[96];
	int error = probe(l, err, err_len);

	if (error)
		return error;
	snprintf(url, sizeof(url), "sip:%s:%u;transport=%s", l->host, l->port,
		 l->transport);
	if (nta_agent_add_tport(sip->agent, URL_STRING_MAKE(url),
				TPTAG_IDENT(l->ident),
				TPTAG_UDP_RMEM(HF_UDP_RECEIVE_BYTES),
				TPTAG_KEEPALIVE(30000), TPTAG_PONG2PING(1),
				TPTAG_TIMEOUT(60000), TAG_END()) < 0) {
		snprintf(err, err_len, "cannot listen on %s:%s:%u: %s",
			 l->transport, l->host, l->port,
			 su_strerror(su_errno()));
		return -EADDRNOTAVAIL;
	}
	if (is_udp(l))
		force_receive_buffer(l);
	return 0;
}

static bool listens(const struct hf_sip *sip, const char *transport,
		    const char *host, uint16_t port)
{
	for (unsigned int i = 0; i < sip->listener_count; i++) {
		const struct hf_listener *l = &sip->listener[i];

		if (l->port == port && !strcmp(l->host, host) &&
		    !strcmp(l->transport, transport))
			return true;
	}
	return false;
}

static int listen_on(struct hf_sip *sip, const char *host,
		     const struct hf_config_listen *how, char *err,
		     size_t err_len)
{
	struct hf_listener *l = &sip->listener[sip->listener_count];
	int error;

	if (sip->listener_count == HF_SIP_MAX_LISTEN) {
		snprintf(
			err, err_len,
			"sip.listen: more than %d addresses; name those you need instead of 0.0.0.0",
			HF_SIP_MAX_LISTEN);
		return -ENOSPC;
	}
	snprintf(l->transport, sizeof(l->transport), "%s", how->transport);
	snprintf(l->host, sizeof(l->host), "%s", host);
	l->port = how->port;
	snprintf(l->ident, sizeof(l->ident), "%s:%u", host, how->port);
	error = listen_one(sip, l, err, err_len);
	if (!error)
		sip->listener_count++;
	return error;
}

/*
 * 0.0.0.0 stands for each address that the host has now. A socket of its own
 * for each, so that an answer leaves by the address the request came to, and
 * Via and Contact name one that the peer can reach.
 */
static int listen_everywhere(struct hf_sip *sip,
			     const struct hf_config_listen *how, char *err,
			     size_t err_len)
{
	struct ifaddrs *all, *i;
	char host[INET_ADDRSTRLEN];
	int error = 0;

	if (getifaddrs(&all) < 0) {
		snprintf(err, err_len,
			 "cannot list the addresses of this host: %s",
			 strerror(errno));
		return -errno;
	}
	for (i = all; i && !error; i = i->ifa_next) {
		const struct sockaddr_in *a = (void *)i->ifa_addr;

		if (!a || a->sin_family != AF_INET)
			continue;
		inet_ntop(AF_INET, &a->sin_addr, host, sizeof(host));
		/* One address may stand on two interfaces. */
		if (listens(sip, how->transport, host, how->port))
			continue;
		error = listen_on(sip, host, how, err, err_len);
	}
	freeifaddrs(all);
	return error;
}

int hf_listen_all(struct hf_sip *sip, char *err, size_t err_len)
{
	const struct hf_config *config = sip->config;
	int error = 0;

	for (unsigned int i = 0; i < config->sip.listen_count && !error; i++) {
		const struct hf_config_listen *how = &config->sip.listen[i];

		if (!strcmp(how->host, "0.0.0.0"))
			error = listen_everywhere(sip, how, err, err_len);
		else
			error = listen_on(sip, how->host, how, err, err_len);
	}
	if (!error && !sip->listener_count) {
		snprintf(err, err_len,
			 "sip.listen: there is no address to listen on");
		error = -EADDRNOTAVAIL;
	}
	return error;
}

static const struct hf_listener *find(struct hf_sip *sip, const char *transport,
				      const char *host)
{
	for (unsigned int i = 0; i < sip->listener_count; i++) {
		const struct hf_listener *l = &sip->listener[i];

		if ((!transport || !strcasecmp(l->transport, transport)) &&
		    (!host || !strcmp(l->host, host)))
			return l;
	}
	return NULL;
}

static const struct hf_listener *
find_ident(struct hf_sip *sip, const char *transport, const char *ident)
{
	for (unsigned int i = 0; i < sip->listener_count; i++) {
		const struct hf_listener *l = &sip->listener[i];

		if (!strcasecmp(l->transport, transport) &&
		    !strcmp(l->ident, ident))
			return l;
	}
	return NULL;
}

/* Our address on the way to `host`, "" if that is a name or unreachable. */
static void source_towards(const char *host, char *ret, size_t ret_len)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
	socklen_t len = sizeof(to);
	int fd;

	ret[0] = '\0';
	if (!host || inet_pton(AF_INET, host, &to.sin_addr) != 1)
		return;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (!connect(fd, (struct sockaddr *)&to, sizeof(to)) &&
	    !getsockname(fd, (struct sockaddr *)&to, &len))
		inet_ntop(AF_INET, &to.sin_addr, ret, (socklen_t)ret_len);
	close(fd);
}

const struct hf_listener *hf_listener_towards(struct hf_sip *sip,
					      const url_t *url)
{
	const struct hf_listener *l = NULL;
	char transport[8] = "", source[48];

	if (url && url->url_params)
		url_param(url->url_params, "transport", transport,
			  sizeof(transport));
	/* RFC 3263 4.1: a numeric target without transport= means UDP. */
	if (!find(sip, transport[0] ? transport : "udp", NULL))
		transport[0] = '\0';
	else if (!transport[0])
		strcpy(transport, "udp");
	source_towards(url ? url->url_host : NULL, source, sizeof(source));
	if (source[0])
		l = find(sip, transport[0] ? transport : NULL, source);
	if (!l)
		l = find(sip, transport[0] ? transport : NULL, NULL);
	return l ? l : &sip->listener[0];
}

/* The primary transport that a message came in by, as we named it. */
static const struct hf_listener *came_in_by(struct hf_sip *sip, tport_t *tport)
{
	const tp_name_t *name;

	if (!tport)
		return NULL;
	if (tport_is_secondary(tport))
		tport = tport_parent(tport);
	name = tport_name(tport);
	return name->tpn_ident
		       ? find_ident(sip, name->tpn_proto, name->tpn_ident)
		       : NULL;
}

void hf_peer_of(struct hf_sip *sip, nta_incoming_t *irq, struct hf_peer *ret)
{
	msg_t *msg = nta_incoming_getrequest(irq);
	tport_t *tport = nta_incoming_transport(sip->agent, irq, msg);
	const su_sockaddr_t *from = msg ? msg_addr(msg) : NULL;

	memset(ret, 0, sizeof(*ret));
	ret->config = sip->config;
	if (from && from->su_family == AF_INET)
		ret->ip4 = from->su_sin.sin_addr;
	inet_ntop(AF_INET, &ret->ip4, ret->source, sizeof(ret->source));
	ret->trusted = hf_config_trusted(sip->config, ret->ip4);
	ret->listener = came_in_by(sip, tport);
	if (!ret->listener)
		ret->listener = &sip->listener[0];
	if (tport)
		tport_unref(tport);
	msg_destroy(msg);
}
