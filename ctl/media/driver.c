// SPDX-License-Identifier: GPL-2.0-or-later
/* Network drivers, asked by ethtool's requests; see driver.h. */
#include "driver.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* One request about a device: 0, or -1. */
static int ethtool(const char *device, void *request)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;
	struct ifreq ifr = {.ifr_data = request};

	if (fd < 0)
		return -1;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", device);
	r = ioctl(fd, SIOCETHTOOL, &ifr);
	close(fd);
	return r;
}

void hf_driver_name(const char *device, char *ret, size_t len)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};

	if (ethtool(device, &info))
		info.driver[0] = 0;
	snprintf(ret, len, "%s", info.driver);
}

const char *hf_driver_fix(const char *driver)
{
	static const struct {
		const char *driver, *fix;
	} known[] = {
		{"veth", "give its other end an XDP program or generic receive offload (ethtool -K DEVICE gro on, there)"},
		{"virtio_net", "give it two queue pairs for each CPU (on its host), or fewer CPUs"},
		{"ixgbe", "name it in media.addresses: it sends such frames only with an XDP program of its own"},
		{"i40e", "name it in media.addresses: it sends such frames only with an XDP program of its own"},
		{"ice", "name it in media.addresses: it sends such frames only with an XDP program of its own"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(driver, known[i].driver))
			return known[i].fix;
	return "see whether a newer kernel's driver sends such frames (ndo_xdp_xmit); with media.pacer: bpf this is not probed";
}

/* "rx_queue_0_xdp_tx", "tx_xdp_xmit", "xdp_tx_packets": but no failures. */
static bool counts_sent(const char *name)
{
	return strstr(name, "xdp") && !strstr(name, "err") &&
	       !strstr(name, "drop") && !strstr(name, "full") &&
	       !strstr(name, "bytes") &&
	       (strstr(name, "tx") || strstr(name, "xmit"));
}

static uint32_t count_stats(const char *device)
{
	struct {
		struct ethtool_sset_info info;
		uint32_t count;
	} request = {.info = {.cmd = ETHTOOL_GSSET_INFO,
			      .sset_mask = 1ULL << ETH_SS_STATS}};

	if (ethtool(device, &request) || !request.info.sset_mask ||
	    request.count > 65536)
		return 0;
	return request.count;
}

uint64_t hf_driver_xdp_sent(const char *device)
{
	uint32_t n = count_stats(device);
	struct ethtool_gstrings *names =
		calloc(1, sizeof(*names) + (size_t)n * ETH_GSTRING_LEN);
	struct ethtool_stats *values =
		calloc(1, sizeof(*values) + (size_t)n * sizeof(uint64_t));
	uint64_t sum = 0;

	if (n && names && values) {
		names->cmd = ETHTOOL_GSTRINGS;
		names->string_set = ETH_SS_STATS;
		names->len = n;
		values->cmd = ETHTOOL_GSTATS;
		values->n_stats = n;
		if (!ethtool(device, names) && !ethtool(device, values))
			for (uint32_t i = 0; i < n; i++) {
				char name[ETH_GSTRING_LEN + 1] = "";

				memcpy(name, names->data + i * ETH_GSTRING_LEN,
				       ETH_GSTRING_LEN);
				if (counts_sent(name))
					sum += values->data[i];
			}
	}
	free(names);
	free(values);
	return sum;
}
