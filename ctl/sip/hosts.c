// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names in /etc/hosts. The stack asks DNS alone (and without waiting for it); a
 * PBX that is only known to the hosts file would never be found. The file is
 * small and local, so it is read when a call of ours goes out, and a change
 * counts at once.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>

#include "private.h"

static bool names(const struct hostent *entry, const char *host)
{
	if (!strcasecmp(entry->h_name, host))
		return true;
	for (char **alias = entry->h_aliases; *alias; alias++)
		if (!strcasecmp(*alias, host))
			return true;
	return false;
}

/* gethostent(3) reads the file and nothing else. */
static bool look_up(const char *host, struct in_addr *ret)
{
	struct hostent *entry;
	bool found = false;

	sethostent(0);
	while (!found && (entry = gethostent())) {
		found = entry->h_addrtype == AF_INET && names(entry, host);
		if (found)
			memcpy(ret, entry->h_addr_list[0], sizeof(*ret));
	}
	endhostent();
	return found;
}

const url_t *hf_hosts_resolve(su_home_t *home, const url_t *url)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr address;
	url_t *copy;

	if (!url || !url->url_host ||
	    inet_pton(AF_INET, url->url_host, &address) == 1 ||
	    !look_up(url->url_host, &address))
		return url;
	copy = url_hdup(home, url);
	if (!copy)
		return url;
	inet_ntop(AF_INET, &address, text, sizeof(text));
	copy->url_host = su_strdup(home, text);
	return copy->url_host ? copy : url;
}
