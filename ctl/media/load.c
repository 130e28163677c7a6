// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loading (load.h). What a step before the controller has loaded lies in
 * INSTANCE/loaded-HASH/, of which the hash is that of the programs' text: a
 * controller of another build finds nothing there.
 */
#include "load.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../base/sha256.h"
#include "bpf/datapath.skel.h"
#include "bpffs.h"
#include "pins_map.h"

#define HF_LOADED	"loaded-"
#define HF_CAP_PERFMON	38

static const char *const hf_program_names[HF_PROGRAM_COUNT] = {
#define X(name) [HF_PROGRAM_##name] = "hf_" #name,
	HF_PROGRAMS(X)
#undef X
};

void hf_verifier_reason(char *log, char *ret, size_t len)
{
	char *line, *save = NULL;

	snprintf(ret, len, "no reason given");
	for (line = strtok_r(log, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (strncmp(line, "processed ", 10) &&
		    strncmp(line, "verification time", 17) &&
		    strncmp(line, "-- ", 3))
			snprintf(ret, len, "%s", line);
}

/* Has this thread that capability? If nobody says, it has. */
static bool hf_has_perfmon(void)
{
	FILE *f = fopen("/proc/thread-self/status", "re");
	unsigned long long caps = ~0ull;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %llx", &caps) == 1)
			break;
	if (f)
		fclose(f);
	/* CAP_SYS_ADMIN (21) stands for it. */
	return caps & (1ull << HF_CAP_PERFMON | 1ull << 21);
}

static void hf_load_failed(int r, char *log, char *err, size_t err_len)
{
	struct utsname u;
	char reason[256];

	uname(&u);
	if (log[0] && !hf_has_perfmon()) {
		snprintf(
			err, err_len,
			"the packet programs are not loaded, and without CAP_PERFMON holdfastd cannot do it: run 'holdfastd --prepare' with that capability first, as ExecStartPre= of holdfastd.service does (if it did, it has said above what went wrong)");
		return;
	}
	if (r == -EPERM || (r == -EACCES && !log[0])) {
		snprintf(
			err, err_len,
			"the kernel does not allow BPF to us: run holdfastd as root or with CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and CAP_SYS_ADMIN (kernel lockdown 'confidentiality' forbids it to everybody)");
		return;
	}
	if (r == -ENOMEM) {
		snprintf(
			err, err_len,
			"not enough memory for the media tables: lower audio.memory_mib, or media.ports");
		return;
	}
	if (!log[0]) {
		snprintf(
			err, err_len,
			"kernel %s cannot hold the BPF maps: %s; Linux 6.1 or newer with CONFIG_BPF_SYSCALL is needed",
			u.release, strerror(-r));
		return;
	}
	hf_verifier_reason(log, reason, sizeof(reason));
	snprintf(
		err, err_len,
		"kernel %s refuses the XDP programs (%s): Linux 6.1 or newer is needed",
		u.release, reason);
}

/* How many entries the instance asks for; 0 = as the program's text says. */
static uint32_t hf_map_entries(enum hf_pin_map map, const struct hf_instance *in)
{
	if (hf_pin_is_by_leg(map))
		return in->legs;
	switch (map) {
	case HF_PIN_frames:
		return in->frames;
	case HF_PIN_turned:
		return HF_TURNED_WORDS(in->legs);
	case HF_PIN_nexthops:
		return HF_MAX_NEXTHOPS;
	case HF_PIN_leg6:
		return hf_instance_has6(in) ? in->legs : 1;
	case HF_PIN_nexthop6:
		return hf_instance_has6(in) ? HF_MAX_NEXTHOPS : 1;
	case HF_PIN_wheel:
		return HF_WHEEL_BUCKETS * in->wheel_capacity;
	default:
		return 0;
	}
}

/* With our sizes, over the maps of `old` if there are any. */
static int hf_object_size(struct hf_datapath_bpf *o,
			  const struct hf_instance *in,
			  const struct hf_pins *old)
{
	struct bpf_map *map;
	uint32_t entries;
	int r = 0;

	for (int i = 0; i < HF_PIN_MAP_COUNT && !r; i++) {
		map = bpf_object__find_map_by_name(o->obj, hf_pin_name(i));
		if (!map)
			return -ENOENT;
		entries = hf_map_entries(i, in);
		if (entries)
			r = bpf_map__set_max_entries(map, entries);
		if (!r && old)
			r = bpf_map__reuse_fd(map, old->fd[i]);
	}
	return r;
}

static int hf_own_fd(int fd)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	return own < 0 ? -errno : own;
}

/* Descriptors of our own; the object may go. */
static int hf_object_take(struct hf_datapath_bpf *o, struct hf_loaded *l)
{
	int r = 0;

	for (int i = 0; i < HF_PIN_MAP_COUNT && r >= 0; i++)
		r = l->map[i] = hf_own_fd(bpf_map__fd(
			bpf_object__find_map_by_name(o->obj, hf_pin_name(i))));
	for (int i = 0; i < HF_PROGRAM_COUNT && r >= 0; i++)
		r = l->program[i] =
			hf_own_fd(bpf_program__fd(bpf_object__find_program_by_name(
				o->obj, hf_program_names[i])));
	return r < 0 ? r : 0;
}

static void hf_loaded_init(struct hf_loaded *l)
{
	for (int i = 0; i < HF_PIN_MAP_COUNT; i++)
		l->map[i] = -1;
	for (int i = 0; i < HF_PROGRAM_COUNT; i++)
		l->program[i] = -1;
}

void hf_loaded_close(struct hf_loaded *l)
{
	for (int i = 0; i < HF_PIN_MAP_COUNT; i++)
		if (l->map[i] >= 0)
			close(l->map[i]);
	for (int i = 0; i < HF_PROGRAM_COUNT; i++)
		if (l->program[i] >= 0)
			close(l->program[i]);
	hf_loaded_init(l);
}

int hf_loaded_make(const struct hf_instance *in, const struct hf_pins *old,
		   struct hf_loaded *ret, char *err, size_t err_len)
{
	struct hf_datapath_bpf *o = hf_datapath_bpf__open();
	char *log = calloc(1, HF_VERIFIER_LOG);
	struct bpf_program *p;
	int r = !o ? -errno : !log ? -ENOMEM : 0;

	hf_loaded_init(ret);
	if (!r)
		r = hf_object_size(o, in, old);
	if (!r) {
		/* Filled when the verifier refuses, and only then. */
		bpf_object__for_each_program(p, o->obj)
			bpf_program__set_log_buf(p, log, HF_VERIFIER_LOG);
		r = hf_datapath_bpf__load(o);
	}
	if (!r)
		r = hf_object_take(o, ret);
	if (r) {
		hf_load_failed(r, log ? log : (char[]){0}, err, err_len);
		hf_loaded_close(ret);
	}
	hf_datapath_bpf__destroy(o);
	free(log);
	return r;
}

/* "INSTANCE/loaded-HASH" and what is in it. */
static int hf_loaded_path(const char *instance, const char *name, char *ret,
			  size_t len)
{
	uint8_t digest[HF_SHA256_BYTES];
	char hex[HF_SHA256_HEX], within[64];
	const void *text;
	size_t bytes;

	text = hf_datapath_bpf__elf_bytes(&bytes);
	hf_sha256(text, bytes, digest);
	hf_sha256_hex(digest, hex);
	snprintf(within, sizeof(within), HF_LOADED "%.16s%s%s", hex,
		 *name ? "/" : "", name);
	return hf_pins_path(instance, within, ret, len);
}

static int hf_loaded_pin_one(const char *instance, const char *name, int fd)
{
	char path[256];
	int r = hf_loaded_path(instance, name, path, sizeof(path));

	return r ? r : bpf_obj_pin(fd, path) ? -errno : 0;
}

int hf_loaded_pin(const char *instance, const struct hf_loaded *l, char *err,
		  size_t err_len)
{
	char folder[256];
	int r = hf_loaded_path(instance, "", folder, sizeof(folder));

	if (!r && mkdir(folder, 0700))
		r = -errno;
	for (int i = 0; i < HF_PIN_MAP_COUNT && !r; i++)
		r = hf_loaded_pin_one(instance, hf_pin_name(i), l->map[i]);
	for (int i = 0; i < HF_PROGRAM_COUNT && !r; i++)
		r = hf_loaded_pin_one(instance, hf_program_names[i],
				      l->program[i]);
	if (!r)
		return 0;
	snprintf(err, err_len, "the programs cannot be pinned in %s: %s", folder,
		 strerror(-r));
	hf_loaded_forget(instance);
	return r;
}

static int hf_loaded_get(const char *instance, const char *name)
{
	char path[256];
	int r = hf_loaded_path(instance, name, path, sizeof(path));

	if (r)
		return r;
	r = bpf_obj_get(path);
	return r < 0 ? -errno : r;
}

/* Nobody has described an instance there yet. */
static bool hf_is_blank(int fd, const struct bpf_map_info *info)
{
	struct hf_instance *in = calloc(1, info->value_size);
	uint32_t key = 0;
	bool blank = in && info->value_size >= sizeof(*in) &&
		     !bpf_map_lookup_elem(fd, &key, in) && !in->abi_major;

	free(in);
	return blank;
}

/* The map that the instance has, or a new one of the size it asks for. */
static bool hf_map_fits(enum hf_pin_map map, int fd,
			const struct hf_instance *in, const struct hf_pins *old)
{
	struct bpf_map_info info = {0}, of_old = {0};
	__u32 len = sizeof(info), old_len = sizeof(of_old);
	uint32_t entries = hf_map_entries(map, in);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return false;
	if (!old)
		return (!entries || entries == info.max_entries) &&
		       (map != HF_PIN_instance || hf_is_blank(fd, &info));
	return !bpf_obj_get_info_by_fd(old->fd[map], &of_old, &old_len) &&
	       of_old.id == info.id;
}

int hf_loaded_find(const char *instance, const struct hf_instance *in,
		   const struct hf_pins *old, struct hf_loaded *ret)
{
	bool fits = true;

	hf_loaded_init(ret);
	for (int i = 0; i < HF_PIN_MAP_COUNT && fits; i++) {
		ret->map[i] = hf_loaded_get(instance, hf_pin_name(i));
		fits = ret->map[i] >= 0 &&
		       hf_map_fits(i, ret->map[i], in, old);
	}
	for (int i = 0; i < HF_PROGRAM_COUNT && fits; i++) {
		ret->program[i] = hf_loaded_get(instance, hf_program_names[i]);
		fits = ret->program[i] >= 0;
	}
	if (fits)
		return 0;
	hf_loaded_close(ret);
	return -ENOENT;
}

void hf_loaded_forget(const char *instance)
{
	char folder[256], path[256 + sizeof(((struct dirent *)0)->d_name)];
	struct dirent *d;
	DIR *dir;

	if (hf_pins_path(instance, "", folder, sizeof(folder)))
		return;
	dir = opendir(folder);
	while (dir && (d = readdir(dir))) {
		if (strncmp(d->d_name, HF_LOADED, strlen(HF_LOADED)))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, d->d_name);
		hf_bpffs_empty(path);
		rmdir(path);
	}
	if (dir)
		closedir(dir);
}
