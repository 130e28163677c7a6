// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whose each leg is: a number that the park logic makes of the Call-ID. It lies
 * in a pinned map beside the legs, which no program reads, so that it lives
 * exactly as long as they do: when the journal is lost, a BYE can still find its
 * leg, and an old record cannot take the leg of a newer call.
 */
#include "bpf_state.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pins_map.h"

static int hf_marks_map(struct hf_media *m, int fd)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes = m->map.instance->legs * sizeof(*m->marks);
	void *memory;

	bytes = (bytes + page - 1) & ~(page - 1);
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	m->marks = memory;
	m->marks_bytes = bytes;
	return 0;
}

static bool hf_marks_fit(const struct hf_media *m, int fd)
{
	struct bpf_map_info info = {0};
	__u32 len = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &len) &&
	       info.max_entries == m->map.instance->legs &&
	       info.value_size == sizeof(*m->marks);
}

static int hf_marks_create(struct hf_media *m, const char *path)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "marks", sizeof(uint32_t),
				sizeof(*m->marks), m->map.instance->legs,
				&opts);

	if (fd < 0)
		return -errno;
	unlink(path);
	if (bpf_obj_pin(fd, path)) {
		close(fd);
		return -errno;
	}
	return fd;
}

int hf_marks_open_pinned(struct hf_media *m, const char *instance)
{
	char path[256];
	int fd = -1, r = hf_pins_path(instance, "marks", path, sizeof(path));

	if (r)
		return r;
	if (m->adopted)
		fd = bpf_obj_get(path);
	if (fd >= 0 && !hf_marks_fit(m, fd)) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		fd = hf_marks_create(m, path);
	if (fd < 0)
		return fd;
	m->bpf->marks = fd;
	return hf_marks_map(m, fd);
}

int hf_marks_open_memory(struct hf_media *m)
{
	m->marks = calloc(m->map.instance->legs, sizeof(*m->marks));
	return m->marks ? 0 : -ENOMEM;
}

void hf_marks_close(struct hf_media *m)
{
	if (m->marks_bytes)
		munmap(m->marks, m->marks_bytes);
	else
		free(m->marks);
	m->marks = NULL;
	m->marks_bytes = 0;
}

void hf_media_leg_mark(struct hf_media *m, uint32_t leg, uint64_t mark)
{
	if (m->marks && hf_leg_get(m, leg))
		m->marks[leg] = mark;
}

uint64_t hf_media_leg_get_mark(const struct hf_media *m, uint32_t leg)
{
	return m->marks && hf_leg_get(m, leg) ? m->marks[leg] : 0;
}
