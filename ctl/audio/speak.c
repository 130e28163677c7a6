// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Text to speech: espeak-ng writes a WAV file, file.c reads it. The text goes
 * through a pipe, so nothing of it is ever a command or an option.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file.h"

extern char **environ;

/* Exit status, or -errno. `out` is inherited under its own number. */
static int run_engine(const char *voice, const char *path, int in)
{
	char *const argv[] = {
		"espeak-ng", "-v", (char *)voice, "-s", "150", "-g", "4",
		"--stdin",   "-w", (char *)path,  NULL};
	posix_spawn_file_actions_t files;
	int error, status;
	pid_t pid;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null",
					 O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null",
					 O_WRONLY, 0);
	error = posix_spawnp(&pid, argv[0], &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	if (error)
		return -error;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

int hf_sound_speak(const char *text, const char *voice, struct hf_sound *ret,
		   char *err, size_t err_len)
{
	char path[] = "/tmp/holdfast-speech-XXXXXX";
	int in = memfd_create("text", MFD_CLOEXEC), out = mkstemp(path), r;

	if (in < 0 || out < 0) {
		r = -errno;
	} else if (write(in, text, strlen(text)) != (ssize_t)strlen(text) ||
		   lseek(in, 0, SEEK_SET) < 0) {
		r = -EIO;
	} else {
		r = run_engine(voice, path, in);
	}
	if (!r)
		r = hf_sound_read(path, ret, err, err_len);
	else if (r == -ENOENT)
		snprintf(
			err, err_len,
			"\"%.40s\" cannot be spoken: espeak-ng is not installed",
			text);
	else if (r > 0)
		snprintf(
			err, err_len,
			"\"%.40s\" cannot be spoken: espeak-ng has no voice %s, or failed (%d)",
			text, voice, r);
	else
		snprintf(err, err_len, "\"%.40s\" cannot be spoken: %s", text,
			 strerror(-r));
	if (in >= 0)
		close(in);
	if (out >= 0) {
		close(out);
		unlink(path);
	}
	return r > 0 ? -EINVAL : r;
}
