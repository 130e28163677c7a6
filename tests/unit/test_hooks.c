// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: hooks database events config base */
/* Webhooks without a network: what is said, in what order it goes, and what is
 * on disk. tests/e2e/test_hooks.py has the receivers. */
#include <errno.h>
#include <ftw.h>
#include <glob.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "events/bus.h"
#include "events/json.h"
#include "hooks/internal.h"
#include "test.h"

/* --- words -------------------------------------------------------------------- */

static const char event_json[] =
	"{\"event\":\"parked\",\"call\":17,\"lot\":\"main\",\"slot\":\"701\","
	"\"caller_name\":\"<!channel> [x](http:y) & Co\",\"caller_number\":"
	"\"4930\",\"parker_uri\":null,\"seconds_parked\":0,\"private\":false,"
	"\"text\":\"call 17 *waits*\\nhere\"}";

static const char *body(enum hf_hook_format format, const char *text)
{
	const struct hf_config_hook c = {.format = format,
					 .text = (char *)text};
	static char copy[2048];
	char *got = hf_hook_body(&c, HF_EVENT_PARKED, event_json);

	snprintf(copy, sizeof(copy), "%s", got ? got : "(null)");
	free(got);
	return copy;
}

TEST(a_body_says_the_event_in_the_words_of_its_receiver)
{
	CHECK_STR(body(HF_HOOK_JSON, NULL), event_json);
	CHECK_STR(body(HF_HOOK_SLACK, NULL),
		  "{\"text\":\"call 17 *waits* here\"}");
	CHECK_STR(body(HF_HOOK_SLACK, "*{slot}* {parker_uri}{private} {call}"),
		  "{\"text\":\"*701* no 17\"}");
	CHECK(strstr(body(HF_HOOK_TEAMS, NULL),
		     "\"contentType\":\"application/"
		     "vnd.microsoft.card.adaptive\""));
	CHECK(strstr(body(HF_HOOK_TEAMS, NULL),
		     "{\"title\":\"Slot\",\"value\":\"701\"}"));
	CHECK(!strstr(body(HF_HOOK_TEAMS, NULL), "Parked by"));
}

TEST(what_a_caller_chose_is_never_markup)
{
	CHECK_STR(body(HF_HOOK_SLACK, "{caller_name}"),
		  "{\"text\":\"&lt;!channel&gt; [x](http:y) &amp; Co\"}");
	CHECK(strstr(body(HF_HOOK_TEAMS, "{caller_name}"),
		     "\"<!channel\\\\> \\\\[x\\\\]\\\\(http:y\\\\) & Co\""));
}

TEST(the_configuration_knows_every_event_and_every_key_of_one)
{
	const struct hf_event e = {.type = HF_EVENT_PARKED};
	json_t *object = hf_event_json(&e), *value;
	const char *key;
	unsigned int n;

	for (n = 0; n <= HF_HOOK_TYPE_RECORD; n++)
		CHECK_STR(hf_config_event_names[n], hf_hook_type_name(n));
	CHECK(!hf_config_event_names[n]);
	for (n = 0; hf_config_event_keys[n]; n++)
		CHECK_STR(json_object_get(object, hf_config_event_keys[n])
				  ? hf_config_event_keys[n]
				  : "missing",
			  hf_config_event_keys[n]);
	json_object_foreach(object, key, value)
		n -= !json_is_object(value); /* a sentence has no objects */
	CHECK_INT(n, 0);
	json_decref(object);
}

/* --- order -------------------------------------------------------------------- */

static struct hf_config_hook two = {.name = "two", .parallel = 2, .queue = 9};
static struct hf_hook *new_hook(void)
{
	struct hf_hook *h = calloc(1, sizeof(*h));

	h->config = &two;
	return h;
}

static void put(struct hf_hook *h, uint64_t id, uint64_t call)
{
	struct hf_entry *e = calloc(1, sizeof(*e) + 1);

	e->hook = h;
	e->id = e->wall_ms = id;
	e->call = call;
	hf_hook_enqueue(e);
}

static void end(struct hf_entry *e)
{
	hf_hook_finish(e);
	free(e);
}

static void free_hook(struct hf_hook *h)
{
	hf_hook_free_entries(h);
	free(h);
}

TEST(entries_of_one_call_go_one_after_the_other_and_calls_overtake)
{
	struct hf_hook *h = new_hook();
	struct hf_entry *a, *b;

	put(h, 1, 17);
	put(h, 2, 17);
	put(h, 3, 18);
	put(h, 4, 19);
	a = hf_hook_take(h, 0);
	b = hf_hook_take(h, 0);
	CHECK_INT(a->id, 1);
	CHECK_INT(b->id, 3); /* not 2: 1 is not over */
	CHECK(!hf_hook_take(h, 0)); /* two at a time */
	end(a);
	a = hf_hook_take(h, 0);
	CHECK_INT(a->id, 4);
	end(b);
	end(a);
	a = hf_hook_take(h, 0);
	CHECK_INT(a->id, 2);
	CHECK(!hf_hook_take(h, 0));
	end(a);
	CHECK_INT(h->waiting.count, 0);
	CHECK(!h->lanes);
	free_hook(h);
}

TEST(a_body_that_is_refused_keeps_its_own_call_only)
{
	struct hf_hook *h = new_hook();
	struct hf_entry *e;

	put(h, 1, 17);
	put(h, 2, 17);
	put(h, 3, 18);
	e = hf_hook_take(h, 0);
	h->sick = 1;
	h->next_ms = 100;
	hf_hook_delay(e, 500);
	CHECK(!hf_hook_take(h, 99));
	CHECK_INT(hf_hook_next_ms(h, 0), 100);
	e = hf_hook_take(h, 100);
	CHECK_INT(e->id, 3);
	CHECK(!hf_hook_take(h, 1000)); /* one at a time while it fails */
	end(e);
	h->sick = 0;
	CHECK(!hf_hook_take(h, 499));
	CHECK_INT(hf_hook_next_ms(h, 200), 500);
	e = hf_hook_take(h, 500);
	CHECK_INT(e->id, 1);
	hf_hook_delay(e, 9000);
	hf_hook_hurry(h);
	e = hf_hook_take(h, 501);
	CHECK_INT(e->id, 1);
	end(e);
	free_hook(h);
}

TEST(the_oldest_that_is_not_being_sent_is_dropped_first)
{
	struct hf_hook *h = new_hook();
	struct hf_entry *e, *sent;

	put(h, 1, 17);
	put(h, 2, 17);
	put(h, 3, 18);
	put(h, 4, 18);
	sent = hf_hook_take(h, 0);
	CHECK_INT(sent->id, 1);
	CHECK(!hf_hook_oldest(h, 2)); /* younger than asked for */
	e = hf_hook_oldest(h, UINT64_MAX);
	CHECK_INT(e->id, 3);
	free(e);
	e = hf_hook_oldest(h, UINT64_MAX);
	CHECK_INT(e->id, 4);
	free(e);
	CHECK(!hf_hook_oldest(h, UINT64_MAX));
	end(sent);
	e = hf_hook_take(h, 0);
	CHECK_INT(e->id, 2);
	end(e);
	CHECK(!h->lanes && !h->due && !h->later);
	free_hook(h);
}

/* --- disk --------------------------------------------------------------------- */

static char folder[] = "/tmp/holdfast-test-hooks-XXXXXX";
static char file_name[64];

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *at)
{
	return remove(path);
}

static void fresh_folder(void)
{
	if (!file_name[0] && !mkdtemp(folder))
		abort();
	snprintf(file_name, sizeof(file_name), "%s/hooks.db", folder);
}

static void end_folder(void)
{
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	file_name[0] = '\0';
}

struct seen {
	char text[512];
};

static void see(void *arg, const char *hook, bool failed, struct hf_entry *e)
{
	struct seen *s = arg;
	size_t used = strlen(s->text);

	snprintf(s->text + used, sizeof(s->text) - used,
		 "%s %llu %s %llu %u %u %s %d %s\n", hook,
		 (unsigned long long)e->id, hf_hook_type_name(e->type),
		 (unsigned long long)e->call, e->attempts, e->status, e->said,
		 failed, e->body);
	free(e);
}

static void see_cause(void *arg, const char *cause)
{
	strcat(((struct seen *)arg)->text, cause);
}

static struct hf_entry *entry(struct hf_hook *h, uint64_t id, const char *text)
{
	struct hf_entry *e = hf_entry_new(h, strlen(text));

	strcpy(e->body, text);
	e->id = id;
	e->call = 17;
	e->type = HF_EVENT_RETRIEVED;
	return e;
}

TEST(what_waits_is_on_disk_for_the_next_start_and_for_nobody_else)
{
	struct hf_disk d = {0};
	struct hf_hook h = {.config = &two};
	struct hf_entry *a, *b;
	struct seen s = {""};
	char err[256], origin[17];
	struct stat st;

	fresh_folder();
	CHECK_INT(hf_disk_open(&d, file_name, err, sizeof(err)), 0);
	CHECK_INT(stat(file_name, &st), 0);
	CHECK_INT(st.st_mode & 0777, 0600);
	strcpy(origin, d.origin);
	CHECK_INT(strlen(origin), 16);
	a = entry(&h, 1, "{\"a\":1}");
	b = entry(&h, 2, "{\"b\":\"'\"}");
	hf_disk_put(&d, a);
	hf_disk_put(&d, b);
	b->attempts = 3;
	b->status = 503;
	strcpy(b->said, "answered 503");
	hf_disk_note(&d, b, true);
	hf_disk_raise(&d, "waiting/17", true);
	hf_disk_raise(&d, "full/main", true);
	hf_disk_raise(&d, "full/main", false);
	d.last_id = 2;
	hf_disk_commit(&d);
	hf_disk_remove(&d, a);
	d.last_id = 9;
	hf_disk_commit(&d);
	hf_disk_close(&d);
	free(a);
	free(b);
	d = (struct hf_disk){0};
	CHECK_INT(hf_disk_open(&d, file_name, err, sizeof(err)), 0);
	CHECK_STR(d.origin, origin);
	CHECK_INT(d.last_id, 9);
	CHECK_INT(hf_disk_each(&d, see, &s), 0);
	CHECK_STR(s.text, "two 2 retrieved 17 3 503 answered 503 1 "
			  "{\"b\":\"'\"}\n");
	s.text[0] = '\0';
	CHECK_INT(hf_disk_each_raised(&d, see_cause, &s), 0);
	CHECK_STR(s.text, "waiting/17");
	hf_disk_close(&d);
	end_folder();
}

TEST(a_damaged_queue_is_kept_aside_and_one_of_a_newer_version_is_refused)
{
	struct hf_disk d = {0};
	char err[256], pattern[96];
	glob_t found = {0};
	FILE *f;

	fresh_folder();
	f = fopen(file_name, "w");
	for (int i = 0; i < 4096; i++)
		fputs("not a database ", f);
	fclose(f);
	CHECK_INT(hf_disk_open(&d, file_name, err, sizeof(err)), 0);
	snprintf(pattern, sizeof(pattern), "%s.damaged-*", file_name);
	CHECK_INT(glob(pattern, 0, NULL, &found), 0);
	globfree(&found);
	CHECK_INT(sqlite3_exec(d.db, "PRAGMA user_version=99", NULL, NULL,
			       NULL),
		  0);
	hf_disk_close(&d);
	d = (struct hf_disk){0};
	CHECK_INT(hf_disk_open(&d, file_name, err, sizeof(err)), -EIO);
	CHECK(strstr(err, "newer holdfastd"));
	hf_disk_close(&d);
	end_folder();
}

TEST_MAIN()
