// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loading a configuration with each of its allocations failing in turn. The
 * sources stand in this file so that their allocations can be made to fail.
 * rooms: base
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned int left; /* allocations that succeed; 0 = the next one fails */
static bool failed;

static bool fail(void)
{
	if (left--)
		return false;
	failed = true;
	left = 0;
	return true;
}

static inline void *some_calloc(size_t n, size_t size)
{
	return fail() ? NULL : calloc(n, size);
}

static inline void *some_reallocarray(void *old, size_t n, size_t size)
{
	return fail() ? NULL : reallocarray(old, n, size);
}

static inline void *some_realloc(void *old, size_t size)
{
	return fail() ? NULL : realloc(old, size);
}

static inline int some_vasprintf(char **ret, const char *format, va_list args)
{
	return fail() ? -1 : vasprintf(ret, format, args);
}

#define calloc	     some_calloc
#define reallocarray some_reallocarray
#define realloc	     some_realloc
#define vasprintf    some_vasprintf
#include "../../ctl/config/check.c"
#include "../../ctl/config/http.c"
#include "../../ctl/config/hooks.c"
#include "../../ctl/config/load.c"
#include "../../ctl/config/nearest.c"
#include "../../ctl/config/numbers.c"
#include "../../ctl/config/paging.c"
#include "../../ctl/config/query.c"
#include "../../ctl/config/ranges.c"
#include "../../ctl/config/reader.c"
#include "../../ctl/config/recall.c"
#include "../../ctl/config/routing.c"
#include "../../ctl/config/sound.c"
#include "../../ctl/config/tables.c"
#include "../../ctl/config/tenants.c"
#include "../../ctl/config/values.c"
#undef calloc
#undef reallocarray
#undef realloc
#undef vasprintf
#undef LOT
#undef CONFIG

#include "config_file.h"
#include "test.h"

/* Every kind of value, once; and complaints, which need memory too. */
static const char right[] =
	SIP "  outbound_proxy: sip:pbx\n" MEDIA "  ports: 30000-30001\n" AUDIO
	    "control: { socket: /x }\n" LOT "    park_prefix: \"*68\"\n"
	    "    labels: { 701: a, 702: b }\n"
	    "    on_full: sip:a@b\n"
	    "    may_park: [ any, \"*@*\" ]\n"
	    "    recall: { fallback: [ sip:a@b ], finally: sip:c@d }\n";
static const char wrong[] =
	SIP MEDIA AUDIO LOT "    lables: { 701: a }\n"
			    "    labels: { 799: a, 701: b, 701: c }\n"
			    "    on_full: nobody\n"
			    "    park_prefix: \"70\"\n"
			    "    pickup_prefix: \"70\"\n"
			    "    timeout_s: 100000\n";

static void sweep(const char *text, int result)
{
	unsigned int n = 0;

	do {
		struct hf_config *c = NULL;
		char *said;
		int error;

		left = n++;
		failed = false;
		error = load_as(text, "some", &c, &said);
		if (failed) {
			CHECK_INT(error, -ENOMEM);
			CHECK(!c);
		} else {
			CHECK_INT(error, result);
		}
		free(said);
		hf_config_free(c);
	} while (failed);
	CHECK(n > 60);
}

TEST(a_right_file_survives_the_failure_of_any_allocation)
{
	sweep(right, 0);
}

TEST(a_wrong_file_survives_the_failure_of_any_allocation)
{
	sweep(wrong, -EINVAL);
}
TEST_MAIN()
