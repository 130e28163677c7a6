// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Attaching the capture programs to those of an instance, by its pins, see
 * capture.h. One capture an instance at a time: each costs the packet path a
 * call for every packet of every leg.
 */
#include "capture.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bpf/capture.skel.h"
#include "media/load.h"
#include "media/pins.h"
#include "media/xdp.h"

struct hf_capture {
	struct hf_capture_setup setup;
	struct hf_capture_bpf *bpf;
	struct ring_buffer *ring;
	int lock;
	int target[4]; /* programs to be hooked, until ours are loaded */
	int targets;
};

static int say(int r, char *err, size_t err_len, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static int say(int r, char *err, size_t err_len, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err, err_len, format, args);
	va_end(args);
	return r;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return 0;
}

/* Of the folder of pins: there is one for each instance, and it needs no place
 * of its own. */
static int take_lock(struct hf_capture *c, char *err, size_t err_len)
{
	char path[256];

	if (hf_pins_path(c->setup.instance, "", path, sizeof(path)))
		return say(-ENAMETOOLONG, err, err_len,
			   "the name of the instance is too long");
	c->lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->lock < 0 && errno == ENOENT)
		return say(-ENOENT, err, err_len,
			   "%s is not there: instance '%s' has no packet programs",
			   path, c->setup.instance);
	if (c->lock < 0)
		return say(-errno, err, err_len,
			   "%s cannot be opened: %s; a capture is for root", path,
			   strerror(errno));
	if (flock(c->lock, LOCK_EX | LOCK_NB))
		return say(-EBUSY, err, err_len,
			   "somebody captures a leg of instance '%s' already: one at a time",
			   c->setup.instance);
	return 0;
}

static int aim(struct hf_capture *c, struct bpf_program *program,
	       const char *pin, const char *function)
{
	char path[256];
	int fd;

	if (hf_pins_path(c->setup.instance, pin, path, sizeof(path)))
		return -ENAMETOOLONG;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	c->target[c->targets++] = fd;
	return bpf_program__set_attach_target(program, fd, function);
}

static int aim_all(struct hf_capture *c)
{
	const struct hf_capture_bpf *b = c->bpf;
	int r;

	r = aim(c, b->progs.hf_capture_in, HF_PIN_RECEIVE, "hf_receive");
	if (!r)
		r = aim(c, b->progs.hf_capture_out, HF_PIN_RECEIVE,
			"hf_receive");
	if (!r)
		r = aim(c, b->progs.hf_capture_gathered, "prog_gathered",
			"hf_gathered");
	if (!r)
		r = aim(c, b->progs.hf_capture_paced, "prog_paced", "hf_paced");
	return r;
}

static void close_targets(struct hf_capture *c)
{
	while (c->targets)
		close(c->target[--c->targets]);
}

/* A kernel that has no such function has nothing to see there. */
static void leave_out_what_is_not(struct hf_capture_bpf *b)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (!btf || btf__find_by_name_kind(btf, "__dev_direct_xmit",
					   BTF_KIND_FUNC) < 0)
		bpf_program__set_autoload(b->progs.hf_capture_direct, false);
	btf__free(btf);
}

/* Two that look alike by their number: who may not, and whose program is wrong.
 * Only of the second has the verifier something to say. */
static int refused(int r, char *log, char *err, size_t err_len)
{
	char reason[256];
	struct utsname u;

	uname(&u);
	if (log[0]) {
		hf_verifier_reason(log, reason, sizeof(reason));
		return say(r, err, err_len,
			   "the verifier of kernel %s refuses a capture program: %s",
			   u.release, reason);
	}
	if (r == -EPERM || r == -EACCES)
		return say(r, err, err_len,
			   "the kernel does not let us look into its programs: a capture is for root (CAP_BPF and CAP_PERFMON)");
	return say(r, err, err_len,
		   "this kernel cannot hook the packet programs: %s; it needs BTF (CONFIG_DEBUG_INFO_BTF)",
		   strerror(-r));
}

static int load_programs(struct hf_capture *c, char *err, size_t err_len)
{
	char *log = calloc(1, HF_VERIFIER_LOG);
	struct bpf_program *p;
	int r;

	if (!log)
		return say(-ENOMEM, err, err_len, "out of memory");
	/* Filled when the verifier refuses, and only then. */
	bpf_object__for_each_program(p, c->bpf->obj)
		bpf_program__set_log_buf(p, log, HF_VERIFIER_LOG);
	r = hf_capture_bpf__load(c->bpf);
	if (!r)
		r = hf_capture_bpf__attach(c->bpf);
	if (r)
		refused(r, log, err, err_len);
	free(log);
	return r;
}

static int load(struct hf_capture *c, char *err, size_t err_len)
{
	struct stat st;
	int r;

	c->bpf = hf_capture_bpf__open();
	if (!c->bpf)
		return say(-errno, err, err_len,
			   "the capture programs cannot be opened: %s",
			   strerror(errno));
	c->bpf->rodata->leg = c->setup.leg;
	c->bpf->rodata->network =
		stat("/proc/self/ns/net", &st) ? 0 : (uint32_t)st.st_ino;
	r = aim_all(c);
	if (r)
		return say(r, err, err_len,
			   "the packet programs of instance '%s' cannot be found: %s",
			   c->setup.instance, strerror(-r));
	leave_out_what_is_not(c->bpf);
	r = load_programs(c, err, err_len);
	close_targets(c);
	return r;
}

static int on_packet(void *arg, void *data, size_t len)
{
	struct hf_capture *c = arg;
	const struct hf_captured *p = data;

	if (len >= offsetof(struct hf_captured, bytes) &&
	    len - offsetof(struct hf_captured, bytes) >= p->taken)
		c->setup.packet(c->setup.arg, p);
	return 0;
}

int hf_capture_open(const struct hf_capture_setup *setup,
		    struct hf_capture **ret, char *err, size_t err_len)
{
	struct hf_capture *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return say(-ENOMEM, err, err_len, "out of memory");
	c->setup = *setup;
	c->lock = -1;
	libbpf_set_print(quiet);
	r = take_lock(c, err, err_len);
	if (!r)
		r = load(c, err, err_len);
	if (!r) {
		c->ring = ring_buffer__new(bpf_map__fd(c->bpf->maps.captured),
					   on_packet, c, NULL);
		if (!c->ring)
			r = say(-errno, err, err_len,
				"the ring buffer cannot be read: %s",
				strerror(errno));
	}
	if (r)
		hf_capture_close(c);
	else
		*ret = c;
	return r;
}

void hf_capture_close(struct hf_capture *c)
{
	if (!c)
		return;
	ring_buffer__free(c->ring);
	hf_capture_bpf__destroy(c->bpf);
	close_targets(c);
	if (c->lock >= 0)
		close(c->lock);
	free(c);
}

int hf_capture_fd(const struct hf_capture *c)
{
	return ring_buffer__epoll_fd(c->ring);
}

void hf_capture_read(struct hf_capture *c)
{
	ring_buffer__consume(c->ring);
}

uint64_t hf_capture_lost(const struct hf_capture *c)
{
	return c->bpf->bss->lost;
}
