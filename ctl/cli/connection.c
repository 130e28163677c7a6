// SPDX-License-Identifier: GPL-2.0-or-later
/* The connection to holdfastd: lines of JSON out and in, and the sentences for
 * when it is not there. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/names.h"
#include "internal.h"

#define ANSWER_WAIT_S 10

static int explain_connect(struct hf_cli *cli, int error)
{
	const char *instance = cli->instance ? cli->instance :
					       HF_INSTANCE_DEFAULT;

	if (error == ENOENT || error == ECONNREFUSED || error == ENOTDIR)
		return hf_cli_fail(
			cli, HF_EXIT_ABSENT, "not_running",
			"holdfastd is not running for instance %s: %s %s; start it with: holdfastd --config /etc/holdfast/holdfast.yaml%s%s",
			instance,
			error == ECONNREFUSED ? "nobody listens on" :
						"no socket at",
			cli->socket, cli->instance ? " --instance " : "",
			cli->instance ? cli->instance : "");
	if (error == EACCES || error == EPERM)
		return hf_cli_fail(
			cli, HF_EXIT_FAILED, "forbidden",
			"%s may not be opened by you: use sudo, or become a member of group holdfast",
			cli->socket);
	return hf_cli_fail(cli, HF_EXIT_FAILED, "failed", "%s: %s", cli->socket,
			   strerror(error));
}

int hf_cli_connect(struct hf_cli *cli)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = ANSWER_WAIT_S };

	if (!cli->socket[0])
		hf_control_socket_default(cli->instance ? cli->instance :
							  HF_INSTANCE_DEFAULT,
					  cli->socket, sizeof(cli->socket));
	if (strlen(cli->socket) >= sizeof(to.sun_path))
		return explain_connect(cli, ENAMETOOLONG);
	strcpy(to.sun_path, cli->socket);
	cli->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (cli->fd < 0)
		return explain_connect(cli, errno);
	if (connect(cli->fd, (struct sockaddr *)&to, sizeof(to)))
		return explain_connect(cli, errno);
	setsockopt(cli->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	return HF_EXIT_OK;
}

int hf_cli_send(struct hf_cli *cli, json_t *request)
{
	char *line = request ? json_dumps(request, JSON_COMPACT) : NULL;
	size_t sent = 0, len = line ? strlen(line) : 0;

	json_decref(request);
	if (!line)
		return hf_cli_fail(cli, HF_EXIT_USAGE, "usage",
				   "an argument is not UTF-8 text");
	line[len++] = '\n';
	while (sent < len) {
		ssize_t n = send(cli->fd, line + sent, len - sent,
				 MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		/* A daemon that refused us has closed; its answer waits. */
		if (n < 0)
			break;
		sent += (size_t)n;
	}
	free(line);
	return HF_EXIT_OK;
}

/* One more piece of what the daemon sends. */
static int receive_more(struct hf_cli *cli)
{
	ssize_t n;

	if (cli->used == cli->room) {
		size_t room = cli->room ? 2 * cli->room : 65536;
		char *buffer = realloc(cli->buffer, room);

		if (!buffer)
			return hf_cli_fail(cli, HF_EXIT_FAILED, "failed",
					   "out of memory");
		cli->buffer = buffer;
		cli->room = room;
	}
	do
		n = recv(cli->fd, cli->buffer + cli->used,
			 cli->room - cli->used, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return hf_cli_fail(cli, HF_EXIT_FAILED, "no_answer",
				   "holdfastd has not answered for %d s",
				   ANSWER_WAIT_S);
	if (n <= 0)
		return hf_cli_fail(cli, HF_EXIT_ABSENT, "not_running",
				   "holdfastd has closed the connection");
	cli->used += (size_t)n;
	return HF_EXIT_OK;
}

int hf_cli_receive(struct hf_cli *cli, json_t **ret)
{
	size_t looked = 0;
	const char *end;

	/* Forget the line before. */
	if (cli->line)
		memmove(cli->buffer, cli->buffer + cli->line,
			cli->used - cli->line);
	cli->used -= cli->line;
	cli->line = 0;
	while (cli->used == looked ||
	       !(end = memchr(cli->buffer + looked, '\n',
			      cli->used - looked))) {
		int status;

		looked = cli->used;
		status = receive_more(cli);
		if (status)
			return status;
	}
	cli->line = (size_t)(end - cli->buffer) + 1;
	*ret = json_loadb(cli->buffer, cli->line, 0, NULL);
	if (!*ret)
		return hf_cli_fail(cli, HF_EXIT_FAILED, "failed",
				   "what answers on %s is not holdfastd",
				   cli->socket);
	return HF_EXIT_OK;
}

void hf_cli_disconnect(struct hf_cli *cli)
{
	if (cli->fd >= 0)
		close(cli->fd);
	cli->fd = -1;
	free(cli->buffer);
	cli->buffer = NULL;
	cli->used = cli->room = cli->line = 0;
}

bool hf_cli_is_error(struct hf_cli *cli, const json_t *answer)
{
	const json_t *error = json_object_get(answer, "error");
	const char *code = json_string_value(json_object_get(error, "code"));
	const char *text = json_string_value(json_object_get(error, "message"));

	if (!error)
		return false;
	hf_cli_fail(cli, HF_EXIT_FAILED, code ? code : "failed", "%s",
		    text ? text : "no reason given");
	return true;
}
