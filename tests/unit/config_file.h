/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A folder with a clip and a configuration file, for the tests of ctl/config. */
#ifndef HOLDFAST_TEST_CONFIG_FILE_H
#define HOLDFAST_TEST_CONFIG_FILE_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"

static char folder[64];

static void remove_folder(void)
{
	static const char *const names[] = {
		"default.wav", "sales.wav", "sales.flac",  "one.ogg",
		"two.mp3",     "evening.g729", "holdfast.yaml"
	};
	char path[128];

	for (unsigned int i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

/* Path of a file in the folder, which is made when first asked for. */
static const char *path_of(const char *name)
{
	static char path[128];

	if (!folder[0]) {
		strcpy(folder, "/tmp/holdfast-test-XXXXXX");
		if (!mkdtemp(folder))
			abort();
		atexit(remove_folder);
	}
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(path_of(name), "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
}

/* Load `text` as a file; what is said comes back in *ret_said, to be freed,
 * with the folder cut off the front of each line. */
static int load_as(const char *text, const char *instance,
		   struct hf_config **ret, char **ret_said)
{
	size_t len, prefix;
	char *said = NULL, *at;
	FILE *f = open_memstream(&said, &len);
	int error;

	write_file("default.wav", "");
	write_file("holdfast.yaml", text);
	error = hf_config_load(path_of("holdfast.yaml"), instance, f, ret);
	fclose(f);
	prefix = strlen(folder) + 1;
	for (at = said; (at = strstr(at, folder)); )
		memmove(at, at + prefix, strlen(at + prefix) + 1);
	*ret_said = said;
	return error;
}

#define MEDIA                                                                  \
	"media:\n"                                                             \
	"  addresses: [ { address: 192.0.2.10, interface: eth0 } ]\n"
#define SIP                                                                    \
	"sip:\n"                                                               \
	"  listen: [ \"udp:192.0.2.10:5060\" ]\n"                              \
	"  trusted: [ 192.0.2.0/24 ]\n"                                        \
	"  internal: [ \"1???@pbx.example.com\" ]\n"
#define AUDIO                                                                  \
	"audio:\n"                                                             \
	"  clips: [ { name: default, file: default.wav } ]\n"
#define LOT                                                                    \
	"lots:\n"                                                              \
	"  - name: main\n"                                                     \
	"    park: \"700\"\n"                                                  \
	"    slots: 701-720\n"
/* SIP 1-4, MEDIA 5-6, AUDIO 7-8, LOT 9-12; what is added begins in line 13. */
#define SMALLEST SIP MEDIA AUDIO LOT

#endif
