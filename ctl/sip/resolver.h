/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of the DNS, for the stack (see agent.c), which never waits for them.
 *
 * The stack's own resolver must not meet the network: with no route to the
 * server of /etc/resolv.conf it tries to connect to it again and again in one
 * go, and nobody is answered until the network is back. So the only server it
 * knows is a socket of ours on the loopback, where a connect always succeeds.
 * What arrives there, two threads of their own hand to the servers of
 * /etc/resolv.conf through the C library, and an answer that does not come is
 * said to be a failure of the server, within seconds (RFC 1035 section 4.1.1,
 * SERVFAIL): the stack then ends the request with 503, as RFC 3263 wants it.
 */
#ifndef HOLDFAST_SIP_RESOLVER_H
#define HOLDFAST_SIP_RESOLVER_H

#include <stddef.h>

struct hf_resolver;

/* Negative errno, and a sentence in `err`. */
int hf_resolver_create(struct hf_resolver **ret, char *err, size_t err_len);
/* A file in the form of resolv.conf(5), which lives as long as the resolver. */
const char *hf_resolver_conf(const struct hf_resolver *);
/* Does not wait for servers that do not answer. Takes NULL. */
void hf_resolver_destroy(struct hf_resolver *);

#endif
