// SPDX-License-Identifier: GPL-2.0-or-later
/* Starts rtpengine and has it play, see rtpengine.h: by its "ng" protocol, a
 * cookie and a bencoded dictionary in a datagram each way. */
#include "rtpengine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define CONTROL 2223
#define SECONDS 20 /* of the file, which is repeated */

static int wav_write(const char *path)
{
	uint32_t bytes = SECONDS * 8000 * 2, riff = bytes + 36, rate = 8000;
	uint32_t second = 16000, head = 16;
	uint16_t pcm = 1, channels = 1, block = 2, bits = 16;
	FILE *f = fopen(path, "w");

	if (!f)
		return -errno;
	fwrite("RIFF", 4, 1, f);
	fwrite(&riff, 4, 1, f);
	fwrite("WAVEfmt ", 8, 1, f);
	fwrite(&head, 4, 1, f);
	fwrite(&pcm, 2, 1, f);
	fwrite(&channels, 2, 1, f);
	fwrite(&rate, 4, 1, f);
	fwrite(&second, 4, 1, f);
	fwrite(&block, 2, 1, f);
	fwrite(&bits, 2, 1, f);
	fwrite("data", 4, 1, f);
	fwrite(&bytes, 4, 1, f);
	for (uint32_t i = 0; i < bytes / 2; i++) {
		int16_t v = (int16_t)((i * 440 % 8000) * 4 - 16000);

		fwrite(&v, 2, 1, f);
	}
	return fclose(f) ? -errno : 0;
}

static int spawn(struct rtpengine *r, const char *address)
{
	char interface[64], control[64];

	snprintf(interface, sizeof(interface), "--interface=%s", address);
	snprintf(control, sizeof(control), "--listen-ng=127.0.0.1:%d", CONTROL);
	r->pid = fork();
	if (!r->pid) {
		struct rlimit many = {65536, 65536};
		int null = open("/dev/null", O_RDWR);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setrlimit(RLIMIT_NOFILE, &many);
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		close_range(3, ~0U, 0);
		execlp("rtpengine", "rtpengine", "--config-file=none",
		       interface, control, "--table=-1", "--foreground",
		       "--log-stderr", "--log-level=1", "--port-min=20000",
		       "--port-max=39998", "--num-threads=2", NULL);
		_exit(127);
	}
	return r->pid < 0 ? -errno : 0;
}

/* The answer to the question with this cookie, or -EAGAIN after a second. An
 * answer to one that was asked twice may come in between. */
static int answer_take(const struct rtpengine *r, const char *cookie,
		       char *answer, size_t size)
{
	uint64_t end = hf_now_ms() + 1000, now;
	struct pollfd p = {.fd = r->fd, .events = POLLIN};
	ssize_t n;

	while ((now = hf_now_ms()) < end && poll(&p, 1, (int)(end - now)) > 0) {
		n = recv(r->fd, answer, size - 1, 0);
		if (n < 0) { /* it does not listen yet */
			poll(NULL, 0, 20);
			return -EAGAIN;
		}
		answer[n] = 0;
		if (!strncmp(answer, cookie, strlen(cookie)))
			return 0;
	}
	return -EAGAIN;
}

/* Asks, until it answers "ok": 0, or a negative errno. */
__attribute__((format(printf, 2, 3))) static int
ask(const struct rtpengine *r, const char *format, ...)
{
	char message[2048], cookie[16], answer[4096];
	static unsigned int number;
	va_list args;
	int at;

	snprintf(cookie, sizeof(cookie), "%u ", number++);
	at = snprintf(message, sizeof(message), "%s", cookie);
	va_start(args, format);
	vsnprintf(message + at, sizeof(message) - (size_t)at, format, args);
	va_end(args);
	for (int i = 0; i < 100; i++) {
		if (waitpid(r->pid, NULL, WNOHANG) == r->pid)
			return -ENOENT;
		(void)!send(r->fd, message, strlen(message), 0);
		if (answer_take(r, cookie, answer, sizeof(answer)))
			continue;
		if (strstr(answer, "6:result2:ok") ||
		    strstr(answer, "6:result4:pong"))
			return 0;
		fprintf(stderr, "bench: rtpengine: %s\n", answer);
		return -EPROTO;
	}
	return -ETIMEDOUT;
}

static int call_begin(const struct rtpengine *r, const char *remote,
		      uint32_t i, uint16_t port)
{
	char id[32], sdp[512];
	int err = 0;

	snprintf(id, sizeof(id), "call-%u", i);
	for (int side = 0; side < 2 && !err; side++) {
		snprintf(sdp, sizeof(sdp),
			 "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\n"
			 "t=0 0\r\nm=audio %u RTP/AVP 8\r\n"
			 "a=rtpmap:8 PCMA/8000\r\n",
			 remote, remote, port + 2 * (2 * i + (uint32_t)side));
		err = ask(r, "d7:call-id%zu:%s7:command%s8:from-tag1:a%s3:sdp%zu:%se",
			  strlen(id), id, side ? "6:answer" : "5:offer",
			  side ? "6:to-tag1:b" : "", strlen(sdp), sdp);
	}
	if (!err)
		err = ask(r, "d7:call-id%zu:%s7:command10:play media4:file%zu:%s8:from-tag1:a12:repeat-timesi1000ee",
			  strlen(id), id, strlen(r->wav), r->wav);
	return err;
}

int rtpengine_open(struct rtpengine *r, const char *dir, const char *address,
		   const char *remote, uint16_t port, uint32_t calls)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(CONTROL),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int err;

	memset(r, 0, sizeof(*r));
	r->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (r->fd < 0 || connect(r->fd, (struct sockaddr *)&a, sizeof(a)))
		return -errno;
	snprintf(r->wav, sizeof(r->wav), "%s/hold.wav", dir);
	err = wav_write(r->wav);
	if (!err)
		err = spawn(r, address);
	if (!err)
		err = ask(r, "d7:command4:pinge");
	for (uint32_t i = 0; i < calls && !err; i++)
		err = call_begin(r, remote, i, port);
	return err;
}

void rtpengine_close(struct rtpengine *r)
{
	if (r->pid > 0) {
		kill(r->pid, SIGKILL);
		waitpid(r->pid, NULL, 0);
	}
	if (r->fd > 0)
		close(r->fd);
}
