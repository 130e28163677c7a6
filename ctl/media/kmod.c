// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel module as the paced sender, see kmod.h. Loading is left to
 * modprobe, whose words for a refusal (Secure Boot, lockdown, no such module)
 * are kept; it is tried once, so that an operator's rmmod stands.
 */
#include "kmod.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <holdfast/world.h>
#include <uapi/holdfast.h>

#include "../base/log.h"

/* One line of what modprobe says on its stderr, without its own name. */
static void hf_modprobe_said(int fd, char *said, size_t len)
{
	static const char error[] = "modprobe: ERROR: ";
	char text[512];
	size_t n = 0;
	ssize_t got;

	while (n < sizeof(text) - 1 &&
	       (got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = 0;
	text[strcspn(text, "\n")] = 0;
	snprintf(said, len, "%.150s",
		 strncmp(text, error, sizeof(error) - 1) ?
			 text : text + sizeof(error) - 1);
}

static void hf_modprobe_exec(const char *program, int err)
{
	int null = open("/dev/null", O_RDWR);

	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	execlp(program, program, HOLDFAST_FAMILY, NULL);
	_exit(127);
}

/* 0, or what stood in the way. $HOLDFAST_MODPROBE names another program. */
static int hf_modprobe(char *said, size_t len)
{
	const char *named = getenv("HOLDFAST_MODPROBE");
	const char *program = named ? named : "/sbin/modprobe";
	int end[2], status = 0;
	pid_t pid;

	if (access(program, X_OK)) {
		snprintf(said, len, "there is no %s to load it", program);
		return -ENOENT;
	}
	if (pipe2(end, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid)
		hf_modprobe_exec(program, end[1]);
	close(end[1]);
	hf_modprobe_said(end[0], said, len);
	close(end[0]);
	if (pid < 0)
		return -EAGAIN;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	if (!said[0])
		snprintf(said, len, "%s failed", program);
	return -EPERM;
}

/* ---- one request and its answer ---- */

struct hf_kmod_answer {
	char why[128]; /* the kernel's sentence for a refusal */
	int error;
	bool done;
	int (*take)(struct nlattr **a, void *arg);
	void *arg;
};

static int hf_kmod_valid(struct nl_msg *msg, void *arg)
{
	struct hf_kmod_answer *answer = arg;
	struct nlattr *a[HOLDFAST_A_MAX + 1];

	if (answer->take &&
	    !genlmsg_parse(nlmsg_hdr(msg), 0, a, HOLDFAST_A_MAX, NULL))
		answer->take(a, answer->arg);
	return NL_OK;
}

static int hf_kmod_done(struct nl_msg *msg, void *arg)
{
	((struct hf_kmod_answer *)arg)->done = true;
	return NL_STOP;
}

/* The extended ack lies behind the copy of our request, or of its header. */
static int hf_kmod_refused(struct sockaddr_nl *from, struct nlmsgerr *e,
			   void *arg)
{
	struct nlmsghdr *h =
		(struct nlmsghdr *)((char *)e - NLMSG_HDRLEN);
	struct hf_kmod_answer *answer = arg;
	int skip = (int)sizeof(*e);
	struct nlattr *text;

	answer->error = e->error;
	answer->done = true;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += (int)e->msg.nlmsg_len - NLMSG_HDRLEN;
	if (h->nlmsg_flags & NLM_F_ACK_TLVS &&
	    (int)h->nlmsg_len > NLMSG_HDRLEN + skip) {
		text = nla_find((struct nlattr *)((char *)e + NLMSG_ALIGN(skip)),
				(int)h->nlmsg_len - NLMSG_HDRLEN - skip,
				NLMSGERR_ATTR_MSG);
		if (text)
			nla_strlcpy(answer->why, text, sizeof(answer->why));
	}
	return NL_STOP;
}

static struct nl_msg *hf_kmod_message(const struct hf_kmod *k, int command,
				      int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (msg &&
	    genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, k->family, 0, flags,
			(uint8_t)command, HOLDFAST_VERSION) &&
	    (command == HOLDFAST_CMD_GET_INFO ||
	     !nla_put_string(msg, HOLDFAST_A_INSTANCE, k->instance)))
		return msg;
	nlmsg_free(msg);
	return NULL;
}

/* Sends `msg` and frees it. 0 or -errno, also of the kernel's answer. */
static int hf_kmod_ask(struct hf_kmod *k, struct nl_msg *msg,
		       struct hf_kmod_answer *answer)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int r = -ENOMEM;

	if (msg && cb) {
		nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, hf_kmod_valid, answer);
		nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, hf_kmod_done, answer);
		nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, hf_kmod_done, answer);
		nl_cb_err(cb, NL_CB_CUSTOM, hf_kmod_refused, answer);
		r = nl_send_auto(k->sock, msg) < 0 ? -EIO : 0;
		while (!r && !answer->done)
			if (nl_recvmsgs(k->sock, cb) < 0)
				r = -EIO;
		if (!r || answer->error)
			r = answer->error;
	}
	nl_cb_put(cb);
	nlmsg_free(msg);
	return r;
}

/* ---- what we ask ---- */

struct hf_kmod_info {
	uint32_t major, minor;
	char *version;
	size_t version_len;
};

static int hf_kmod_take_info(struct nlattr **a, void *arg)
{
	struct hf_kmod_info *info = arg;

	if (a[HOLDFAST_A_ABI_MAJOR])
		info->major = nla_get_u32(a[HOLDFAST_A_ABI_MAJOR]);
	if (a[HOLDFAST_A_ABI_MINOR])
		info->minor = nla_get_u32(a[HOLDFAST_A_ABI_MINOR]);
	if (a[HOLDFAST_A_VERSION])
		nla_strlcpy(info->version, a[HOLDFAST_A_VERSION],
			    info->version_len);
	return 0;
}

static int hf_kmod_info(struct hf_kmod *k)
{
	struct hf_kmod_info info = { .version = k->version,
				     .version_len = sizeof(k->version) };
	struct hf_kmod_answer answer = { .take = hf_kmod_take_info,
					 .arg = &info };
	int r = hf_kmod_ask(k, hf_kmod_message(k, HOLDFAST_CMD_GET_INFO,
					       NLM_F_ACK), &answer);

	if (r)
		return r;
	if (info.major == HF_ABI_MAJOR)
		return 0;
	snprintf(k->reason, sizeof(k->reason),
		 "the module holdfast %s speaks ABI %u.%u, this is %d.%d: install both from one version",
		 k->version, info.major, info.minor, HF_ABI_MAJOR,
		 HF_ABI_MINOR);
	return -EPROTO;
}

static int hf_kmod_attach(struct hf_kmod *k, const struct hf_pins *pins)
{
	static const struct {
		int attribute;
		enum hf_pin_map map;
	} map[] = {
		{ HOLDFAST_A_FD_INSTANCE, HF_PIN_instance },
		{ HOLDFAST_A_FD_LEGS, HF_PIN_legs },
		{ HOLDFAST_A_FD_CLAIMS, HF_PIN_claims },
		{ HOLDFAST_A_FD_FRAMES, HF_PIN_frames },
		{ HOLDFAST_A_FD_NEXTHOPS, HF_PIN_nexthops },
		{ HOLDFAST_A_FD_WHEEL, HF_PIN_wheel },
		{ HOLDFAST_A_FD_WHEEL_FILL, HF_PIN_wheel_fill },
		{ HOLDFAST_A_FD_WORK, HF_PIN_work },
	};
	struct hf_kmod_answer answer = { 0 };
	struct nl_msg *msg =
		hf_kmod_message(k, HOLDFAST_CMD_ATTACH, NLM_F_ACK);
	int r;

	for (unsigned int i = 0; msg && i < sizeof(map) / sizeof(*map); i++)
		nla_put_u32(msg, map[i].attribute,
			    (uint32_t)pins->fd[map[i].map]);
	if (msg)
		nla_put_u32(msg, HOLDFAST_A_ABI_MAJOR, HF_ABI_MAJOR);
	r = hf_kmod_ask(k, msg, &answer);
	k->attached = !r;
	if (r)
		snprintf(k->reason, sizeof(k->reason),
			 "the module holdfast %s refuses our maps: %s",
			 k->version, answer.why[0] ? answer.why : strerror(-r));
	return r;
}

static int hf_kmod_command(struct hf_kmod *k, int command)
{
	struct hf_kmod_answer answer = { 0 };

	return hf_kmod_ask(k, hf_kmod_message(k, command, NLM_F_ACK), &answer);
}

/* ---- its coming and going ---- */

static bool hf_kmod_there(struct hf_kmod *k)
{
	int family = genl_ctrl_resolve(k->sock, HOLDFAST_FAMILY);

	k->family = family > 0 ? family : 0;
	return k->family;
}

static int hf_kmod_connect(struct hf_kmod *k)
{
	int one = 1;

	k->sock = nl_socket_alloc();
	if (!k->sock || genl_connect(k->sock))
		return -ENOMEM;
	/* The kernel's sentence with each refusal. */
	setsockopt(nl_socket_get_fd(k->sock), SOL_NETLINK, NETLINK_EXT_ACK,
		   &one, sizeof(one));
	return 0;
}

static bool hf_kmod_allowed(const struct hf_config *config)
{
	return config->media.pacer != HF_PACER_BPF &&
	       config->media.pacer != HF_PACER_PACKET;
}

int hf_kmod_open(struct hf_kmod *k, const struct hf_config *config,
		 const struct hf_pins *pins, char *err, size_t err_len)
{
	char said[160] = "";
	int r;

	memset(k, 0, sizeof(*k));
	snprintf(k->instance, sizeof(k->instance), "%s", config->instance);
	r = hf_kmod_connect(k);
	if (!r && !hf_kmod_allowed(config)) {
		snprintf(k->reason, sizeof(k->reason), "media.pacer is %s",
			 config->media.pacer == HF_PACER_BPF ? "bpf" :
							       "packet");
		/* One that a controller before us attached. */
		if (hf_kmod_there(k))
			hf_kmod_command(k, HOLDFAST_CMD_DETACH);
		return 0;
	}
	if (!r && !hf_kmod_there(k)) {
		if (hf_modprobe(said, sizeof(said)))
			snprintf(k->reason, sizeof(k->reason),
				 "no module: %s", said);
		else
			snprintf(k->reason, sizeof(k->reason),
				 "the module is loaded but not to be seen here");
		hf_kmod_there(k);
	}
	if (!r && !k->family)
		r = -ENOENT;
	if (!r)
		r = hf_kmod_info(k);
	if (!r)
		r = hf_kmod_attach(k, pins);
	if (!r || config->media.pacer != HF_PACER_KMOD)
		return 0;
	snprintf(err, err_len, "media.pacer is kmod, but: %s",
		 k->reason[0] ? k->reason : strerror(-r));
	return r;
}

bool hf_kmod_check(struct hf_kmod *k, const struct hf_config *config,
		   const struct hf_pins *pins)
{
	bool before = k->attached;

	if (!k->sock || !hf_kmod_allowed(config))
		return false;
	if (k->attached && !hf_kmod_info(k) &&
	    HF_READ(pins->work->engine) == HF_ENGINE_KMOD)
		return false;
	k->attached = false;
	if (hf_kmod_there(k)) {
		if (!hf_kmod_info(k))
			hf_kmod_attach(k, pins);
	} else if (before) {
		snprintf(k->reason, sizeof(k->reason),
			 "the module was unloaded");
	}
	if (before && !k->attached)
		hf_warn("media: %s; holdfast-mediad sends", k->reason);
	if (!before && k->attached)
		hf_info("media: the module holdfast %s sends", k->version);
	return before != k->attached;
}

void hf_kmod_kick(struct hf_kmod *k)
{
	if (k->attached)
		hf_kmod_command(k, HOLDFAST_CMD_KICK);
}

void hf_kmod_close(struct hf_kmod *k, bool detach)
{
	if (k->attached && detach)
		hf_kmod_command(k, HOLDFAST_CMD_DETACH);
	nl_socket_free(k->sock);
	memset(k, 0, sizeof(*k));
}

static int hf_kmod_take_stats(struct nlattr **a, void *arg)
{
	static const struct {
		int attribute;
		enum hf_counter counter;
	} map[] = {
		{ HOLDFAST_A_SENT, HF_COUNT_HOLD_PACED },
		{ HOLDFAST_A_SKIPPED, HF_COUNT_HOLD_SKIPPED },
		{ HOLDFAST_A_LOST, HF_COUNT_CLAIM_LOST },
		{ HOLDFAST_A_IDLE, HF_COUNT_PACED_IDLE },
		{ HOLDFAST_A_NO_HOP, HF_COUNT_DROP_NO_HOP },
		{ HOLDFAST_A_BAD, HF_COUNT_DROP_FRAME },
		{ HOLDFAST_A_BUSY, HF_COUNT_TX_REFUSED },
	};
	struct hf_media_totals *t = arg;

	for (unsigned int i = 0; i < sizeof(map) / sizeof(*map); i++)
		if (a[map[i].attribute])
			t->counter[map[i].counter] +=
				nla_get_u64(a[map[i].attribute]);
	return 0;
}

void hf_kmod_totals(struct hf_kmod *k, struct hf_media_totals *t)
{
	struct hf_kmod_answer answer = { .take = hf_kmod_take_stats, .arg = t };

	if (k->attached)
		hf_kmod_ask(k, hf_kmod_message(k, HOLDFAST_CMD_GET_STATS,
					       NLM_F_DUMP), &answer);
}
