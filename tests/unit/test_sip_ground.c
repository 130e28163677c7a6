// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: sip config base */
/*
 * The ground the SIP side stands on: its clock, its restart counter, its loop,
 * and what it says when an address cannot be had.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include <sofia-sip/su_time.h>

#include "test_sip_peer.h"

TEST(the_stacks_clock_never_goes_back_and_counts_whole_milliseconds)
{
	struct hf_loop *loop;
	su_time_t last = { 0, 0 };

	CHECK(!hf_loop_create(&loop));
	for (int i = 0; i < 10000; i++) {
		su_time_t now = su_now();

		CHECK_INT(now.tv_usec % 1000, 0);
		CHECK(su_time_cmp(now, last) >= 0);
		last = now;
	}
	hf_loop_destroy(loop);
}

/* The library's hook; what it is given is the wall clock's time. */
extern void (*_su_time)(su_time_t *tv);

TEST(the_stacks_clock_does_not_follow_the_wall_clock)
{
	struct hf_loop *loop;
	int compared = 0;

	CHECK(!hf_loop_create(&loop));
	for (int i = 0; i < 1000; i++) {
		su_time_t now, other = { 12345, 67890 };
		uint64_t before = hf_now_ms();

		now = su_now();
		_su_time(&other); /* as if it were 1900 again */
		if (hf_now_ms() != before)
			continue;
		CHECK(!su_time_cmp(now, other));
		compared++;
	}
	CHECK(compared > 0);
	_su_time(NULL);
	hf_loop_destroy(loop);
}

static char *temporary_folder(void)
{
	static char path[64];

	strcpy(path, "/tmp/hf-test-sip-XXXXXX");
	return mkdtemp(path);
}

TEST(each_start_has_a_higher_epoch)
{
	char *folder = temporary_folder(), err[256], deeper[128], file[160];
	uint32_t epoch = 0;
	struct stat st;

	CHECK(folder);
	snprintf(deeper, sizeof(deeper), "%s/state/main", folder);
	CHECK(!hf_epoch_next(deeper, NULL, &epoch, err, sizeof(err)));
	CHECK_INT(epoch, 1);
	CHECK(!hf_epoch_next(deeper, NULL, &epoch, err, sizeof(err)));
	CHECK_INT(epoch, 2);
	snprintf(file, sizeof(file), "%s/epoch", deeper);
	CHECK(!stat(file, &st));
	CHECK_INT(st.st_size, 2);
	unlink(file);
	rmdir(deeper);
	snprintf(deeper, sizeof(deeper), "%s/state", folder);
	rmdir(deeper);
	rmdir(folder);
}

static void put(const char *folder, const char *text)
{
	char file[160];
	FILE *f;

	snprintf(file, sizeof(file), "%s/epoch", folder);
	f = fopen(file, "w");
	if (f) {
		fputs(text, f);
		fclose(f);
	}
}

TEST(an_epoch_that_is_no_number_is_refused_and_the_last_one_wraps)
{
	char *folder = temporary_folder(), err[256] = "", file[160];
	uint32_t epoch = 77;

	CHECK(folder);
	put(folder, "twelve\n");
	CHECK(hf_epoch_next(folder, NULL, &epoch, err, sizeof(err)) < 0);
	CHECK(strstr(err, "is not a number from 0 to 32767"));
	put(folder, "40000\n");
	CHECK(hf_epoch_next(folder, NULL, &epoch, err, sizeof(err)) < 0);
	CHECK_INT(epoch, 77);
	put(folder, "32767\n");
	CHECK(!hf_epoch_next(folder, NULL, &epoch, err, sizeof(err)));
	CHECK_INT(epoch, 1);
	snprintf(file, sizeof(file), "%s/epoch", folder);
	unlink(file);
	rmdir(folder);
}

TEST(a_state_folder_that_cannot_be_made_is_named)
{
	char err[256] = "";
	uint32_t epoch;

	CHECK(hf_epoch_next("/dev/null/x", NULL, &epoch, err, sizeof(err)) < 0);
	CHECK_STR(err, "cannot use the state folder /dev/null/x: Not a directory");
}

static int try_listen(const char *transport, const char *host, unsigned int port,
		      char *err, size_t err_len)
{
	struct hf_config_listen listen = { .port = (uint16_t)port };
	struct hf_config config = { 0 };
	struct hf_sip_wiring wiring = { .config = &config };
	struct hf_sip *sip = NULL;
	int error;

	snprintf(listen.transport, sizeof(listen.transport), "%s", transport);
	snprintf(listen.host, sizeof(listen.host), "%s", host);
	config.sip.listen = &listen;
	config.sip.listen_count = 1;
	config.sip.domain = "park.example.com";
	if (hf_loop_create(&wiring.loop))
		return -1;
	error = hf_sip_create(&wiring, &sip, err, err_len);
	hf_sip_destroy(sip);
	hf_loop_destroy(wiring.loop);
	return error;
}

static int occupy(int type, unsigned int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, type, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&a, len) ||
	    (type == SOCK_STREAM && listen(fd, 1)) ||
	    getsockname(fd, (struct sockaddr *)&a, &len))
		abort();
	*port = ntohs(a.sin_port);
	return fd;
}

TEST(a_port_in_use_is_one_clear_sentence)
{
	char err[256] = "", expected[256];
	unsigned int port;
	int fd = occupy(SOCK_DGRAM, &port);

	CHECK(try_listen("udp", "127.0.0.1", port, err, sizeof(err)) < 0);
	snprintf(expected, sizeof(expected),
		 "cannot listen on udp:127.0.0.1:%u: Address already in use (another SIP server? `ss -ulpn sport = %u` tells)",
		 port, port);
	CHECK_STR(err, expected);
	close(fd);
	fd = occupy(SOCK_STREAM, &port);
	CHECK(try_listen("tcp", "127.0.0.1", port, err, sizeof(err)) < 0);
	snprintf(expected, sizeof(expected),
		 "cannot listen on tcp:127.0.0.1:%u: Address already in use (another SIP server? `ss -tlpn sport = %u` tells)",
		 port, port);
	CHECK_STR(err, expected);
	close(fd);
	CHECK_INT(try_listen("tcp", "127.0.0.1", port, err, sizeof(err)), 0);
}

TEST(an_address_that_is_not_ours_is_one_clear_sentence)
{
	char err[256] = "";

	CHECK(try_listen("udp", "192.0.2.77", 5060, err, sizeof(err)) < 0);
	CHECK_STR(err, "cannot listen on udp:192.0.2.77:5060: Cannot assign requested address (no interface has it; `ip -br address` shows which there are)");
}

static void count_reads(void *arg)
{
	uint64_t ticks;

	if (read(*(int *)arg, &ticks, sizeof(ticks)) == sizeof(ticks))
		((int *)arg)[1]++;
}

static void count_waits(void *arg)
{
	++*(int *)arg;
}

TEST(the_loop_watches_descriptors_and_calls_before_it_waits)
{
	int timer[2] = { timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), 0 };
	struct itimerspec soon = { .it_value = { .tv_nsec = 1 } };
	uint64_t end = hf_now_ms() + DEADLINE_MS;
	struct hf_loop *loop;
	int waits = 0;

	CHECK(!hf_loop_create(&loop));
	CHECK(!hf_loop_watch(loop, timer[0], count_reads, timer));
	hf_loop_before_wait(loop, count_waits, &waits);
	timerfd_settime(timer[0], 0, &soon, NULL);
	while (!timer[1] && hf_now_ms() < end)
		hf_loop_step(loop, 20);
	CHECK_INT(timer[1], 1);
	CHECK(waits >= 1);
	hf_loop_unwatch(loop, timer[0]);
	timerfd_settime(timer[0], 0, &soon, NULL);
	hf_loop_step(loop, 20);
	CHECK_INT(timer[1], 1);
	hf_loop_destroy(loop);
	close(timer[0]);
}

TEST(the_receive_buffer_holds_a_burst)
{
	struct stage s;
	struct sockaddr_in a = { 0 };
	socklen_t len;
	int bytes = 0;

	if (geteuid())
		SKIP("needs CAP_NET_ADMIN");
	CHECK(stage_open(&s, 0));
	for (int fd = 3; fd < 256; fd++) {
		len = sizeof(a);
		if (getsockname(fd, (struct sockaddr *)&a, &len) ||
		    ntohs(a.sin_port) != s.port)
			continue;
		len = sizeof(bytes);
		getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, &len);
	}
	CHECK(bytes >= 4 << 20);
	stage_close(&s);
}

TEST_MAIN()
