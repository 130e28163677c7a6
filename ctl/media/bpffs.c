// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The folder of an instance on the BPF file system. What is pinned there lives
 * until the folder is emptied or the machine restarts.
 */
#include "bpffs.h"

#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "load.h"
#include "pins.h"

#define HF_BPFFS "/sys/fs/bpf"

static bool hf_bpffs_mounted(void)
{
	struct statfs s;

	return !statfs(HF_BPFFS, &s) && s.f_type == BPF_FS_MAGIC;
}

int hf_bpffs_prepare(const char *instance, char *err, size_t err_len)
{
	char folder[256];

	if (!hf_bpffs_mounted() &&
	    mount("bpf", HF_BPFFS, "bpf", 0, "mode=0700")) {
		snprintf(
			err, err_len,
			"there is no BPF file system on %s and it cannot be mounted: %s; run holdfastd as root, or mount -t bpf bpf %s",
			HF_BPFFS, strerror(errno), HF_BPFFS);
		return -errno;
	}
	if (hf_pins_path(instance, "", folder, sizeof(folder)) ||
	    (mkdir(HF_PIN_ROOT, 0700) && errno != EEXIST) ||
	    (mkdir(folder, 0700) && errno != EEXIST)) {
		snprintf(err, err_len,
			 "%s/%s cannot be made: %s; run holdfastd as root",
			 HF_PIN_ROOT, instance, strerror(errno));
		return errno ? -errno : -ENAMETOOLONG;
	}
	return 0;
}

void hf_bpffs_tidy(const char *instance)
{
	char folder[256];

	if (hf_pins_path(instance, "", folder, sizeof(folder)))
		return;
	rmdir(folder);
	rmdir(HF_PIN_ROOT); /* after the last instance; fails otherwise */
}

void hf_bpffs_empty(const char *folder)
{
	struct dirent *d;
	DIR *dir = opendir(folder);

	while (dir && (d = readdir(dir)))
		if (d->d_name[0] != '.')
			unlinkat(dirfd(dir), d->d_name, 0);
	if (dir)
		closedir(dir);
}

void hf_bpffs_remove(const char *instance)
{
	char folder[256];

	if (hf_pins_path(instance, "", folder, sizeof(folder)))
		return;
	hf_loaded_forget(instance);
	hf_bpffs_empty(folder);
	hf_bpffs_tidy(instance);
}
