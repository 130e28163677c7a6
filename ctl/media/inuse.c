// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who has a UDP port of our range? Everything to a media address and range is
 * taken by XDP, so such a socket would go deaf: its owner is named instead, and
 * nothing is started.
 */
#include "bpf_state.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct hf_socket_found {
	unsigned int port;
	unsigned long inode;
	char address[INET6_ADDRSTRLEN];
};

static bool hf_is_media_ip(const struct hf_config *c, const struct hf_ip *ip)
{
	for (unsigned int i = 0; i < c->media.address_count; i++)
		if (hf_ip_equal(&c->media.addresses[i].ip4, ip))
			return true;
	return !ip->s_addr; /* bound to all addresses */
}

/* "0100007F:1F90": the address as the kernel has it in memory, the port not. */
static bool hf_socket_match(const struct hf_config *c, const char *local,
			    struct hf_socket_found *f)
{
	const char *colon = strchr(local, ':');
	struct in6_addr six;
	struct hf_ip ip;

	if (!colon)
		return false;
	f->port = (unsigned int)strtoul(colon + 1, NULL, 16);
	if (f->port < c->media.port_min || f->port > c->media.port_max)
		return false;
	if (colon - local == 8) {
		ip = (struct hf_ip){(uint32_t)strtoul(local, NULL, 16), {{{0}}}};
		hf_ip_text(&ip, f->address);
		return hf_is_media_ip(c, &ip);
	}
	/* An IPv6 socket takes IPv4 packets only when bound to all. */
	for (int i = 0; i < 4; i++) {
		char word[9] = "";
		uint32_t n;

		memcpy(word, local + 8 * i, colon - local == 32 ? 8 : 0);
		n = (uint32_t)strtoul(word, NULL, 16);
		memcpy(&six.s6_addr[4 * i], &n, 4);
	}
	ip = hf_ip_of6(&six);
	inet_ntop(AF_INET6, &six, f->address, sizeof(f->address));
	return hf_is_media_ip(c, &ip);
}

static bool hf_socket_find(const struct hf_config *c, const char *table,
			   struct hf_socket_found *f)
{
	FILE *file = fopen(table, "re");
	char line[512], local[64];
	bool found = false;

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line,
			       " %*d: %63s %*s %*s %*s %*s %*s %*s %*s %lu",
			       local, &f->inode) == 2 &&
			hf_socket_match(c, local, f);
	fclose(file);
	return found;
}

static bool hf_process_has(const char *pid, unsigned long inode)
{
	char path[300], target[64], want[64];
	bool found = false;
	struct dirent *d;
	ssize_t n;
	DIR *fds;

	snprintf(want, sizeof(want), "socket:[%lu]", inode);
	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	fds = opendir(path);
	if (!fds)
		return false;
	while (!found && (d = readdir(fds))) {
		n = readlinkat(dirfd(fds), d->d_name, target,
			       sizeof(target) - 1);
		if (n > 0) {
			target[n] = 0;
			found = !strcmp(target, want);
		}
	}
	closedir(fds);
	return found;
}

/* "'named' (process 123)". */
static void hf_socket_owner(unsigned long inode, char *ret, size_t len)
{
	char path[300], name[64] = "?";
	DIR *proc = opendir("/proc");
	struct dirent *d;
	FILE *file;

	snprintf(ret, len, "another program");
	while (proc && (d = readdir(proc))) {
		if (d->d_name[0] < '0' || d->d_name[0] > '9' ||
		    !hf_process_has(d->d_name, inode))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", d->d_name);
		file = fopen(path, "re");
		if (file) {
			if (fgets(name, sizeof(name), file))
				name[strcspn(name, "\n")] = 0;
			fclose(file);
		}
		snprintf(ret, len, "'%s' (process %.16s)", name, d->d_name);
		break;
	}
	if (proc)
		closedir(proc);
}

int hf_ports_check_free(const struct hf_config *c, char *err, size_t err_len)
{
	struct hf_socket_found f;
	char owner[128];

	/* The calling thread's network namespace, whatever the process's is. */
	if (!hf_socket_find(c, "/proc/thread-self/net/udp", &f) &&
	    !hf_socket_find(c, "/proc/thread-self/net/udp6", &f))
		return 0;
	hf_socket_owner(f.inode, owner, sizeof(owner));
	snprintf(
		err, err_len,
		"UDP port %u of %s is used by %s and lies in media.ports %u-%u: stop that program or choose other ports",
		f.port, f.address, owner, c->media.port_min, c->media.port_max);
	return -EADDRINUSE;
}
