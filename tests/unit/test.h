/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole test framework: a test is a function, its name a sentence.
 *
 *	TEST(parking_a_call_takes_the_first_free_slot)
 *	{
 *		CHECK(slot == 701);
 *		CHECK_INT(slot, 701);
 *		CHECK_STR(state, "parked");
 *		CHECK_MEM(packet, expected, sizeof(expected));
 *	}
 *	TEST_MAIN()
 *
 * Prints "ok SENTENCE", "not ok SENTENCE" or "skip SENTENCE: reason" a line;
 * scripts/check counts those. An argument runs only the tests whose name
 * contains it.
 */
#ifndef HOLDFAST_TEST_H
#define HOLDFAST_TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hf_test {
	const char *name;
	void (*run)(void);
	struct hf_test *next;
};
static struct hf_test *hf_tests, **hf_tests_tail = &hf_tests;
static int hf_test_failed;
static const char *hf_test_skipped;

#define TEST(id)                                                               \
	static void test_##id(void);                                           \
	static struct hf_test entry_##id = { #id, test_##id, NULL };           \
	__attribute__((constructor)) static void register_##id(void)           \
	{                                                                      \
		*hf_tests_tail = &entry_##id;                                  \
		hf_tests_tail = &entry_##id.next;                              \
	}                                                                      \
	static void test_##id(void)

#define FAIL(...)                                                              \
	do {                                                                   \
		printf("# %s:%d: ", __FILE__, __LINE__);                       \
		printf(__VA_ARGS__);                                           \
		putchar('\n');                                                 \
		hf_test_failed = 1;                                            \
		return;                                                        \
	} while (0)
#define SKIP(reason)                                                           \
	do {                                                                   \
		hf_test_skipped = (reason);                                    \
		return;                                                        \
	} while (0)
#define CHECK(x)                                                               \
	do {                                                                   \
		if (!(x))                                                      \
			FAIL("not true: %s", #x);                              \
	} while (0)
#define CHECK_INT(a, b)                                                        \
	do {                                                                   \
		long long hf_a = (long long)(a), hf_b = (long long)(b);        \
		if (hf_a != hf_b)                                              \
			FAIL("%s is %lld, not %lld", #a, hf_a, hf_b);          \
	} while (0)
#define CHECK_STR(a, b)                                                        \
	do {                                                                   \
		const char *hf_a = (a), *hf_b = (b);                           \
		if (!hf_a || strcmp(hf_a, hf_b))                               \
			FAIL("%s is \"%s\", not \"%s\"", #a,                   \
			     hf_a ? hf_a : "(null)", hf_b);                    \
	} while (0)
#define CHECK_MEM(a, b, n)                                                     \
	do {                                                                   \
		const unsigned char *hf_a = (const void *)(a);                 \
		const unsigned char *hf_b = (const void *)(b);                 \
		for (size_t hf_i = 0; hf_i < (size_t)(n); hf_i++)              \
			if (hf_a[hf_i] != hf_b[hf_i])                          \
				FAIL("%s: byte %zu is %02x, not %02x", #a,     \
				     hf_i, hf_a[hf_i], hf_b[hf_i]);            \
	} while (0)

static int hf_test_run_all(int argc, char **argv)
{
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (struct hf_test *t = hf_tests; t; t = t->next) {
		char name[256];

		if (argc > 1 && !strstr(t->name, argv[1]))
			continue;
		snprintf(name, sizeof(name), "%s", t->name);
		for (char *c = name; *c; c++)
			if (*c == '_')
				*c = ' ';
		hf_test_failed = 0;
		hf_test_skipped = NULL;
		t->run();
		if (hf_test_skipped)
			printf("skip %s: %s\n", name, hf_test_skipped);
		else
			printf("%s %s\n", hf_test_failed ? "not ok" : "ok", name);
		failed |= hf_test_failed;
	}
	return failed;
}

#define TEST_MAIN()                                                            \
	int main(int argc, char **argv)                                        \
	{                                                                      \
		return hf_test_run_all(argc, argv);                            \
	}

#endif
