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

/* Debian's stack does not give back all memory of a TLS connection, some 50
 * kB: so they are kept open. */
#define HF_TLS_IDLE_MS (24 * 3600 * 1000)

static bool is_udp(const struct hf_listener *l)
{
	return !strcmp(l->transport, "udp");
}

static bool is_tls(const struct hf_listener *l)
{
	return !strcmp(l->transport, "tls");
}

/* A numeric host as an address; the length of that, 0 = it is none. */
static socklen_t address_of(const char *host, uint16_t port,
			    su_sockaddr_t *ret)
{
	char copy[INET6_ADDRSTRLEN];

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, host, &ret->su_sin.sin_addr) == 1) {
		ret->su_family = AF_INET;
		ret->su_sin.sin_port = htons(port);
		return sizeof(ret->su_sin);
	}
	/* the host of a URL is in brackets */
	snprintf(copy, sizeof(copy), "%s", host + (host[0] == '['));
	copy[strcspn(copy, "]")] = '\0';
	if (inet_pton(AF_INET6, copy, &ret->su_sin6.sin6_addr) != 1)
		return 0;
	ret->su_family = AF_INET6;
	ret->su_sin6.sin6_port = htons(port);
	return sizeof(ret->su_sin6);
}

static void address_text(const su_sockaddr_t *a, char *ret, size_t len)
{
	inet_ntop(a->su_family,
		  a->su_family == AF_INET6 ? (void *)&a->su_sin6.sin6_addr :
					     (void *)&a->su_sin.sin_addr,
		  ret, (socklen_t)len);
}

/* As it stands in a URI. */
static void bracketed(const char *host, char *ret, size_t len)
{
	snprintf(ret, len, strchr(host, ':') ? "[%s]" : "%s", host);
}

/* The stack hides why a bind failed; try it the same way and say. */
static int probe(const struct hf_listener *l, char *err, size_t err_len)
{
	su_sockaddr_t address;
	socklen_t address_len = address_of(l->host, l->port, &address);
	int fd, error = 0, on = 1;
	char hint[96] = "", host[64];

	if (!address_len) {
		snprintf(err, err_len,
			 "cannot listen on %s:%s:%u: not a numeric address",
			 l->transport, l->host, l->port);
		return -EAFNOSUPPORT;
	}
	fd = socket(address.su_family,
		    (is_udp(l) ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	/* As the stack does: what comes by IPv4 has a socket of its own. */
	if (fd >= 0 && address.su_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (fd < 0)
		error = errno;
	else if (!is_udp(l) &&
		 setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		error = errno;
	else if (bind(fd, &address.su_sa, address_len) < 0)
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
	bracketed(l->host, host, sizeof(host));
	snprintf(err, err_len, "cannot listen on %s:%s:%u: %s%s", l->transport,
		 host, l->port, strerror(error), hint);
	return -error;
}

/*
 * The stack asks for the buffer with SO_RCVBUF, which net.core.rmem_max cuts;
 * with CAP_NET_ADMIN we may have it all. Without the privilege it stays small.
 * The stack also asks for IP_RECVERR. Then a packet for which a queue is full
 * is an error of the sender's, which ends the transaction and with it a call,
 * where it is but a packet lost on the way that timers A and G send again (RFC
 * 3261 17). What ICMP says is not heard then; whoever is gone is found by
 * timers. The socket is found by its address, for the stack does not give it
 * away.
 */
static void tune_udp(const struct hf_listener *l)
{
	su_sockaddr_t want;
	socklen_t want_len = address_of(l->host, l->port, &want);
	struct dirent *entry;
	DIR *dir = opendir("/proc/self/fd");
	int bytes = HF_UDP_RECEIVE_BYTES, off = 0;

	if (!dir || !want_len) {
		if (dir)
			closedir(dir);
		return;
	}
	while ((entry = readdir(dir))) {
		su_sockaddr_t have = {0};
		socklen_t len = sizeof(have), type_len = sizeof(int);
		int fd = atoi(entry->d_name), type = 0;

		if (entry->d_name[0] == '.' ||
		    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) < 0 ||
		    type != SOCK_DGRAM ||
		    getsockname(fd, &have.su_sa, &len) < 0)
			continue;
		if (len != want_len || su_cmp_sockaddr(&have, &want))
			continue;
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes,
			   sizeof(bytes));
		setsockopt(fd, SOL_IP, IP_RECVERR, &off, sizeof(off));
		setsockopt(fd, SOL_IPV6, IPV6_RECVERR, &off, sizeof(off));
	}
	closedir(dir);
}

static bool contains(const char *path, const char *what)
{
	FILE *f = fopen(path, "re");
	char line[256];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, what);
	if (f)
		fclose(f);
	return found;
}

/* The stack would start without, and refuse each connection. */
static int check_certificates(const struct hf_sip *sip, char *err,
			      size_t err_len)
{
	const char *folder = sip->config->sip.tls.certificates;
	static const char *const files[] = {"agent.pem", "cafile.pem"};
	unsigned int count =
		sip->config->sip.tls.verify == HF_TLS_NONE ? 1 : 2;
	char path[512];

	for (unsigned int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		if (!access(path, R_OK))
			continue;
		snprintf(err, err_len, "cannot read %s: %s; %s", path,
			 strerror(errno),
			 i ? "it has the authorities that peers are checked by; without: sip.tls.verify: none" :
			     "it has our certificate, those between it and its authority, and our key");
		return -ENOENT;
	}
	snprintf(path, sizeof(path), "%s/agent.pem", folder);
	for (unsigned int i = 0; i < 2; i++) {
		static const char *const parts[] = {"BEGIN CERTIFICATE",
						    "PRIVATE KEY"};

		if (contains(path, parts[i]))
			continue;
		snprintf(err, err_len,
			 "%s has no %s; it needs both, one after the other, in PEM",
			 path, i ? "private key" : "certificate");
		return -EINVAL;
	}
	return 0;
}

static unsigned int verify_policy(const struct hf_sip *sip)
{
	switch (sip->config->sip.tls.verify) {
	case HF_TLS_ALL:
		return TPTLS_VERIFY_ALL;
	case HF_TLS_NONE:
		return TPTLS_VERIFY_NONE;
	default:
		return TPTLS_VERIFY_OUT;
	}
}

/* Where it is bound, and by which name it goes in Via: behind 1:1 NAT the two
 * differ, and maddr= is how the stack is told so. */
static void tport_url(const struct hf_sip *sip, const struct hf_listener *l,
		      char *url, size_t len)
{
	char host[64], name[64];

	bracketed(l->host, host, sizeof(host));
	snprintf(name, sizeof(name), "%s", host);
	if (l->nat >= 0)
		inet_ntop(AF_INET, &sip->config->sip.nat[l->nat].advertise,
			  name, sizeof(name));
	snprintf(url, len, "%s:%s:%u;transport=%s%s%s",
		 is_tls(l) ? "sips" : "sip", name, l->port, l->transport,
		 l->nat >= 0 ? ";maddr=" : "", l->nat >= 0 ? host : "");
}

static int listen_one(struct hf_sip *sip, const struct hf_listener *l,
		      char *err, size_t err_len)
{
	const char *certificates = sip->config->sip.tls.certificates;
	char url[192], host[64];
	int error = probe(l, err, err_len);

	if (!error && is_tls(l))
		error = check_certificates(sip, err, err_len);
	if (error)
		return error;
	tport_url(sip, l, url, sizeof(url));
	bracketed(l->host, host, sizeof(host));
	if (nta_agent_add_tport(sip->agent, URL_STRING_MAKE(url),
				TPTAG_IDENT(l->ident),
				TPTAG_UDP_RMEM(HF_UDP_RECEIVE_BYTES),
				TPTAG_KEEPALIVE(30000), TPTAG_PONG2PING(1),
				TPTAG_TIMEOUT(is_tls(l) ? HF_TLS_IDLE_MS :
							  60000),
				TAG_IF(is_tls(l),
				       TPTAG_CERTIFICATE(certificates)),
				TAG_IF(is_tls(l), TPTAG_TLS_VERIFY_POLICY(
							  verify_policy(sip))),
				TAG_END()) < 0) {
		snprintf(err, err_len, "cannot listen on %s:%s:%u: %s%s%s",
			 l->transport, host, l->port,
			 su_strerror(su_errno()),
			 is_tls(l) ? "; what is wrong with the certificates in " : "",
			 is_tls(l) ? certificates : "");
		return -EADDRNOTAVAIL;
	}
	if (is_udp(l))
		tune_udp(l);
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

static int nat_of(const struct hf_sip *sip, const char *host)
{
	struct in_addr ip;

	for (unsigned int i = 0; i < sip->config->sip.nat_count; i++)
		if (inet_pton(AF_INET, host, &ip) == 1 &&
		    ip.s_addr == sip->config->sip.nat[i].address.s_addr)
			return (int)i;
	return -1;
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
	l->nat = nat_of(sip, host);
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
	su_sockaddr_t to;
	socklen_t len = host ? address_of(host, 9, &to) : 0;
	int fd;

	ret[0] = '\0';
	if (!len)
		return;
	fd = socket(to.su_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (!connect(fd, &to.su_sa, len) &&
	    !getsockname(fd, &to.su_sa, &len))
		address_text(&to, ret, ret_len);
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
	if (from && from->su_family == AF_INET6)
		ret->ip = from->su_sin6.sin6_addr;
	else if (from && from->su_family == AF_INET)
		ret->ip = hf_ip_mapped(from->su_sin.sin_addr);
	else
		ret->ip = hf_ip_mapped((struct in_addr){0});
	if (IN6_IS_ADDR_V4MAPPED(&ret->ip))
		inet_ntop(AF_INET, &ret->ip.s6_addr[12], ret->source,
			  sizeof(ret->source));
	else
		inet_ntop(AF_INET6, &ret->ip, ret->source, sizeof(ret->source));
	ret->trusted = hf_config_trusted(sip->config, &ret->ip);
	ret->listener = came_in_by(sip, tport);
	if (!ret->listener)
		ret->listener = &sip->listener[0];
	if (tport)
		tport_unref(tport);
	msg_destroy(msg);
}

bool hf_listener_inside(const struct hf_sip *sip, const struct hf_listener *l,
			const char *host)
{
	const struct hf_config_nat *nat;
	struct in6_addr ip;
	su_sockaddr_t a;

	if (l->nat < 0)
		return true;
	if (!host || !address_of(host, 0, &a))
		return false; /* a name: of somebody out there */
	nat = &sip->config->sip.nat[l->nat];
	ip = a.su_family == AF_INET6 ? a.su_sin6.sin6_addr :
				       hf_ip_mapped(a.su_sin.sin_addr);
	return hf_prefix_any(nat->inside, nat->inside_count, &ip);
}

char *hf_listener_uri(su_home_t *home, const struct hf_sip *sip,
		      const struct hf_listener *l, bool inside, bool secure,
		      const char *user)
{
	char host[64];

	bracketed(l->host, host, sizeof(host));
	if (!inside && l->nat >= 0)
		inet_ntop(AF_INET, &sip->config->sip.nat[l->nat].advertise,
			  host, sizeof(host));
	/* RFC 5630 5.1.1.1: to a sips: request the answer is a sips: Contact,
	 * which needs no transport=. */
	return su_sprintf(home, "%s:%s%s%s:%u%s%s", secure ? "sips" : "sip",
			  user ? user : "", user ? "@" : "", host, l->port,
			  secure || is_udp(l) ? "" : ";transport=",
			  secure || is_udp(l) ? "" : l->transport);
}
