// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rooms: media audio base
 *
 * Setting the BPF datapath up and down in a network namespace of its own: what
 * is attached, what is refused and in which words, what a second controller
 * finds, and that nothing is left behind. Needs root.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/test.h"
#include "base/clock.h"
#include "media/state.h"

#define DEVICE "dp0"

static struct hf_config_address address;
static struct hf_config config;
static char folder[64], instance[32], socket_path[96], clip_path[96];
static char err[1024];

static int run(const char *command)
{
	return system(command);
}

/* Half a second of a rising level: 25 frames. */
static void write_clip(const char *path)
{
	static const unsigned char header[44] =
		"RIFF\x64\x1f\0\0WAVEfmt \x10\0\0\0\1\0\1\0"
		"\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\x40\x1f\0";
	FILE *f = fopen(path, "w");

	fwrite(header, 1, sizeof(header), f);
	for (int16_t i = 0; i < 4000; i++)
		fwrite(&i, 2, 1, f);
	fclose(f);
}

/* A fresh namespace, a veth pair, and a configuration that fits it. */
static bool stage(void)
{
	static struct hf_config_clip clip = {.name = "default"};

	snprintf(folder, sizeof(folder), "/tmp/hf-test-datapath-%d", getpid());
	snprintf(instance, sizeof(instance), "test-dp-%d", getpid());
	snprintf(socket_path, sizeof(socket_path), "%s/control.sock", folder);
	snprintf(clip_path, sizeof(clip_path), "%s/clip.wav", folder);
	mkdir(folder, 0700);
	write_clip(clip_path);
	if (unshare(CLONE_NEWNET))
		return false;
	run("ip link set lo up && ip link add " DEVICE
	    " type veth peer name dp1 && ip addr add 192.0.2.1/24 dev " DEVICE
	    " && ip link set " DEVICE " up && ip link set dp1 up");
	setenv("HOLDFAST_MEDIAD", "/nonexistent/holdfast-mediad", 1);
	address = (struct hf_config_address){.interface = DEVICE};
	hf_ip_read("192.0.2.1", &address.ip4);
	hf_ip_read("203.0.113.7", &address.advertise);
	clip.file = clip_path;
	memset(&config, 0, sizeof(config));
	config.instance = instance;
	config.control.socket = socket_path;
	config.media.addresses = &address;
	config.media.address_count = 1;
	config.media.port_min = 20000;
	config.media.port_max = 20199;
	config.audio.memory_mib = 1;
	config.audio.clips = &clip;
	config.audio.clip_count = 1;
	err[0] = 0;
	return true;
}

static void unstage(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	run(command);
}

static unsigned int entries(const char *path)
{
	DIR *d = opendir(path);
	unsigned int n = 0;
	struct dirent *e;

	while (d && (e = readdir(d)))
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

static bool pinned(const char *name)
{
	char path[256];

	hf_pins_path(instance, name, path, sizeof(path));
	return !access(path, F_OK);
}

static bool says(const char *what)
{
	if (strstr(err, what))
		return true;
	printf("# it says: %s\n", err);
	return false;
}

/* The XDP program on a device, as `ip` prints it. */
static bool device_runs(const char *device, const char *what)
{
	char command[128];

	snprintf(command, sizeof(command), "ip -d link show %s | grep -q '%s'",
		 device, what);
	return !run(command);
}

TEST(the_datapath_is_attached_and_pinned_and_torn_down_without_a_trace)
{
	struct hf_media_totals t;
	struct hf_media *m;

	CHECK(stage());
	CHECK_INT(hf_media_open_bpf(&config, &m, err, sizeof(err)), 0);
	CHECK(device_runs(DEVICE, "xdp"));
	CHECK(pinned("legs") && pinned("prog_paced") && pinned("link_" DEVICE));
	CHECK_INT(hf_media_totals(m, &t), 0);
	CHECK_STR(t.engine, "bpf");
	CHECK_INT(t.legs, 100);
	CHECK_INT(t.devices, 1);
	CHECK_STR(t.device[0].name, DEVICE);
	CHECK_STR(t.device[0].mode, "native");
	CHECK(!t.sender_alive);
	CHECK(strstr(t.engine_reason, "/nonexistent/holdfast-mediad"));
	CHECK_INT(m->map.instance->device[0].ifindex, if_nametoindex(DEVICE));
	CHECK_INT(m->map.instance->device[0].flags, HF_DEVICE_PARTIAL_CSUM);

	hf_media_close(m, true);
	CHECK(!device_runs(DEVICE, "xdp"));
	CHECK(!pinned(""));
	CHECK_INT(run("ip link show | grep -q hfh-") != 0, 1);
	CHECK_INT(entries(folder), 1); /* the clip */
	unstage();
}

TEST(a_controller_that_leaves_is_followed_by_one_that_takes_its_maps_over)
{
	struct hf_media_remote remote = {
		.port = 4000, .may_send = true, .may_receive = true};
	struct hf_ip ip4, to;
	struct hf_pins pins;
	static const int16_t second[8000];
	struct hf_media *m;
	uint32_t leg;
	uint16_t port;

	CHECK(stage());
	CHECK_INT(hf_media_open_bpf(&config, &m, err, sizeof(err)), 0);
	CHECK_INT(hf_media_clip_load(m, "default", second, 8000), 0);
	hf_ip_read("192.0.2.9", &to);
	remote.ip4 = to;
	CHECK_INT(hf_media_leg_open(m, to, &leg, &ip4, &port), 0);
	CHECK_INT(hf_media_leg_remote(m, leg, &remote), 0);
	CHECK_INT(hf_media_leg_hold(m, leg, "default"), 0);
	hf_media_close(m, false);

	/* Nobody holds it, and it works on. */
	CHECK(device_runs(DEVICE, "xdp"));
	CHECK_INT(hf_pins_open(instance, &pins, err, sizeof(err)), 0);
	CHECK_INT(pins.instance->legs, 100);
	CHECK_INT(
		hf_word_program(&pins.legs[leg], pins.claims[leg].word)->mode,
		HF_MODE_HOLD);
	CHECK_INT(pins.nexthops[0].dest_ip4, to.s_addr);

	CHECK_INT(hf_media_open_bpf(&config, &m, err, sizeof(err)), 0);
	/* The very same memory, seen through the descriptors of before: the leg
	 * plays on for a call to take it back, and ends when none has. */
	CHECK(hf_media_is_adopted(m));
	CHECK_INT(
		hf_word_program(&pins.legs[leg], pins.claims[leg].word)->mode,
		HF_MODE_HOLD);
	CHECK_INT(hf_media_orphans(m, NULL, NULL), 1);
	hf_media_orphans_end(m);
	CHECK_INT(
		hf_word_program(&pins.legs[leg], pins.claims[leg].word)->mode,
		HF_MODE_IDLE);
	CHECK_INT(hf_media_leg_open(m, to, &leg, &ip4, &port), 0);
	CHECK(pins.legs[leg].program[0].local_port == htons(port) ||
	      pins.legs[leg].program[1].local_port == htons(port));
	CHECK_INT(device_runs(DEVICE, "xdp"), 1);
	hf_pins_close(&pins);

	/* Other sizes: new maps, and the old ones are forgotten. */
	hf_media_close(m, false);
	config.media.port_max = 20399;
	CHECK_INT(hf_media_open_bpf(&config, &m, err, sizeof(err)), 0);
	CHECK_INT(m->map.instance->legs, 200);
	CHECK_INT(hf_pins_open(instance, &pins, err, sizeof(err)), 0);
	CHECK_INT(pins.instance->legs, 200);
	hf_pins_close(&pins);
	hf_media_close(m, true);
	CHECK(!device_runs(DEVICE, "xdp"));
	CHECK(!pinned(""));
	unstage();
}

/* "return XDP_PASS" */
static int foreign_program(void)
{
	struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(BPF_PROG_TYPE_XDP, "not_ours", "GPL", code, 2,
			     NULL);
}

TEST(a_foreign_program_is_named_and_left_alone)
{
	struct hf_media *m;
	int program;

	CHECK(stage());
	program = foreign_program();
	CHECK(program >= 0);
	CHECK_INT(bpf_xdp_attach((int)if_nametoindex(DEVICE), program,
				 XDP_FLAGS_SKB_MODE, NULL),
		  0);
	CHECK_INT(hf_media_open_bpf(&config, &m, err, sizeof(err)), -EBUSY);
	CHECK(says(DEVICE " already runs the XDP program 'not_ours' (id "));
	CHECK(says("generic mode"));
	CHECK(says("ip link set dev " DEVICE " xdp off"));
	CHECK(device_runs(DEVICE, "xdpgeneric"));
	CHECK(!pinned(""));
	close(program);
	unstage();
}

TEST(a_port_that_another_program_has_is_named_with_that_program)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	struct hf_media *m;
	int fd;

	CHECK(stage());
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	a.sin_port = htons(20055);
	CHECK_INT(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	CHECK_INT(hf_media_open_bpf(&config, &m, err, sizeof(err)),
		  -EADDRINUSE);
	CHECK(says("UDP port 20055 of 0.0.0.0 is used by 'test_datapath'"));
	CHECK(!pinned(""));
	close(fd);

	/* A socket of another address is none of our business. */
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	inet_aton("127.0.0.1", &a.sin_addr);
	CHECK_INT(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	CHECK_INT(hf_media_open_bpf(&config, &m, err, sizeof(err)), 0);
	hf_media_close(m, true);
	close(fd);
	unstage();
}

TEST(failures_are_one_sentence_that_names_the_fix)
{
	struct hf_media *m, *second;

	CHECK(stage());
	snprintf(address.interface, sizeof(address.interface), "eth-none");
	CHECK_INT(hf_media_open_bpf(&config, &m, err, sizeof(err)), -ENODEV);
	CHECK(says("there is no interface 'eth-none'"));

	snprintf(address.interface, sizeof(address.interface), DEVICE);
	CHECK(!pinned(""));
	CHECK(!device_runs(DEVICE, "xdp"));
	CHECK_INT(hf_media_open_bpf(&config, &m, err, sizeof(err)), 0);
	CHECK_INT(hf_media_open_bpf(&config, &second, err, sizeof(err)),
		  -EBUSY);
	CHECK(says("in use by another holdfastd"));
	CHECK(device_runs(DEVICE, "xdp"));
	CHECK(pinned("legs"));
	hf_media_close(m, true);
	unstage();
}

TEST(without_privilege_the_sentence_says_what_is_needed)
{
	struct hf_media *m;
	pid_t pid;
	int status;

	CHECK(stage());
	chmod(folder, 0777);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (setresuid(65534, 65534, 65534))
			_exit(2);
		status = hf_media_open_bpf(&config, &m, err, sizeof(err));
		/* Of the BPF file system, or of BPF where that is open to all. */
		_exit((status == -EACCES || status == -EPERM) &&
				      says("run holdfastd as root") ?
			      0 :
			      1);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
	unstage();
}

TEST(a_device_that_refuses_native_mode_gets_generic_and_the_totals_say_so)
{
	struct hf_media_totals t;
	struct hf_media *m;

	CHECK(stage());
	snprintf(address.interface, sizeof(address.interface), "lo");
	CHECK_INT(hf_media_open_bpf(&config, &m, err, sizeof(err)), 0);
	CHECK_INT(hf_media_totals(m, &t), 0);
	CHECK_STR(t.device[0].mode, "generic");
	CHECK(strstr(t.engine_reason, "generic XDP on lo"));
	hf_media_close(m, true);
	CHECK_INT(entries(folder), 1);
	unstage();
}

/* A sender that writes down how it was called and waits to be told to go. */
static const char stub[] = "#!/bin/sh\n"
			   "d=$(dirname \"$4\")\n"
			   "echo \"$1 $2 $3 $4\" >$d/called.tmp\n"
			   "mv $d/called.tmp $d/called\n";

TEST(the_sender_is_started_with_the_instance_and_started_again_when_it_died)
{
	char path[128], called[128], want[256], got[256] = "";
	struct hf_media *m;
	uint64_t until;
	FILE *f;

	CHECK(stage());
	snprintf(path, sizeof(path), "%s/stub", folder);
	snprintf(called, sizeof(called), "%s/called", folder);
	f = fopen(path, "w");
	fputs(stub, f);
	fclose(f);
	chmod(path, 0700);
	setenv("HOLDFAST_MEDIAD", path, 1);
	CHECK_INT(hf_media_open_bpf(&config, &m, err, sizeof(err)), 0);
	for (int round = 0; round < 2; round++) {
		until = hf_now_ns() + 10000 * HF_MS;
		while (access(called, F_OK) && hf_now_ns() < until) {
			hf_media_tick(m);
			usleep(10000);
		}
		f = fopen(called, "r");
		CHECK(f != NULL);
		CHECK(fgets(got, sizeof(got), f) != NULL);
		fclose(f);
		unlink(called);
		snprintf(want, sizeof(want), "--instance %s --socket %s\n",
			 instance, socket_path);
		CHECK_STR(got, want);
	}
	hf_media_close(m, true);
	unstage();
}

TEST_MAIN()
