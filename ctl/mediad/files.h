/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two files of a media keeper beside the control socket: a lock that says
 * that it is the only one of its instance, and the socket that it is poked on
 * (media/pins.h). Whoever cleans that folder up takes nothing from it: both are
 * made again at once.
 */
#ifndef HOLDFAST_MEDIAD_FILES_H
#define HOLDFAST_MEDIAD_FILES_H

struct hf_files {
	const char *instance;
	char lock_path[108], poke_path[108];
	int lock_fd, poke_fd;
	int watch_fd; /* readable when one of them may be gone */
};

/* 0, or -errno after one line in the log: -EAGAIN if there is another keeper. */
int hf_files_open(struct hf_files *, const char *instance,
		  const char *control_socket);
/* watch_fd was readable. The same failures. */
int hf_files_check(struct hf_files *);
void hf_files_close(struct hf_files *);

#endif
