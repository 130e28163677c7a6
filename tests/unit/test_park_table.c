// SPDX-License-Identifier: GPL-2.0-or-later
/* The whole matrix of states and events: no hole, no dead row, each row run on a
 * real call, and the page in Documentation/ equal to the code.
 * rooms: park media audio sdp config base */
#include "park_parties.h"

#define PAGE "Documentation/call-states.md"

static bool fits(const struct hf_row *row, unsigned int s, unsigned int e)
{
	return row->states >> s & 1 && row->events >> e & 1;
}

TEST(every_pair_of_state_and_event_ends_in_a_row_without_a_guard)
{
	size_t count;
	const struct hf_row *table = hf_table(&count);

	for (unsigned int s = 0; s < HF_S_COUNT; s++)
		for (unsigned int e = 0; e < HF_E_COUNT; e++) {
			bool decided = false;

			for (size_t i = 0; i < count; i++)
				decided |= fits(&table[i], s, e) &&
					   !table[i].guard;
			if (!decided)
				FAIL("a hole: %s, %s", hf_state_symbol(s),
				     hf_event_symbol(e));
		}
}

TEST(every_row_decides_some_pair_and_says_why)
{
	size_t count;
	const struct hf_row *table = hf_table(&count);

	for (size_t i = 0; i < count; i++) {
		bool used = false;

		CHECK(table[i].action && table[i].action_name);
		CHECK(table[i].why && *table[i].why);
		CHECK(!table[i].guard == !table[i].guard_name);
		for (unsigned int s = 0; s < HF_S_COUNT; s++)
			for (unsigned int e = 0; e < HF_E_COUNT; e++) {
				size_t k = 0;

				while (!fits(&table[k], s, e) ||
				       (table[k].guard && k != i))
					k++;
				used |= k == i;
			}
		if (!used)
			FAIL("row %zu (%s) is dead", i, table[i].why);
	}
}

/* The legal moves of a slot, as the design has them; nothing else may change a
 * state. */
TEST(the_table_makes_only_the_legal_moves)
{
	static const struct {
		enum hf_call_state from, to;
	} legal[] = {
		{ HF_S_NEW, HF_S_ARRIVING },	 { HF_S_NEW, HF_S_RESERVED },
		{ HF_S_ARRIVING, HF_S_PARKED },	 { HF_S_ARRIVING, HF_S_ENDED },
		{ HF_S_ARRIVING, HF_S_RECALLING }, /* without a slot */
		{ HF_S_RESERVED, HF_S_PARKED },	 { HF_S_RESERVED, HF_S_ENDED },
		{ HF_S_PARKED, HF_S_CLAIMED },	 { HF_S_PARKED, HF_S_RECALLING },
		{ HF_S_PARKED, HF_S_ENDED },	 { HF_S_RECALLING, HF_S_CLAIMED },
		{ HF_S_RECALLING, HF_S_PARKED }, { HF_S_RECALLING, HF_S_ENDED },
		{ HF_S_CLAIMED, HF_S_RELAY },	 { HF_S_CLAIMED, HF_S_PARKED },
		{ HF_S_CLAIMED, HF_S_RECALLING }, { HF_S_CLAIMED, HF_S_ENDED },
		{ HF_S_RELAY, HF_S_ENDED },
		{ HF_S_RELAY, HF_S_PARKED },	 { HF_S_RELAY, HF_S_TRANSFER },
		{ HF_S_TRANSFER, HF_S_RELAY },	 { HF_S_TRANSFER, HF_S_PARKED },
		{ HF_S_TRANSFER, HF_S_ENDED },	 { HF_S_NEW, HF_S_FETCHING },
		{ HF_S_FETCHING, HF_S_PARKED },	 { HF_S_FETCHING, HF_S_ENDED },
		/* the transfer guard */
		{ HF_S_RELAY, HF_S_RECALLING },	 { HF_S_NEW, HF_S_RECALLING },
	};
	size_t count;
	const struct hf_row *table = hf_table(&count);

	for (size_t i = 0; i < count; i++)
		for (unsigned int s = 0; s < HF_S_COUNT; s++) {
			bool ok = table[i].next == HF_S_SAME;

			if (!(table[i].states >> s & 1))
				continue;
			for (size_t k = 0; k < sizeof(legal) / sizeof(legal[0]);
			     k++)
				ok |= legal[k].from == s &&
				      legal[k].to == table[i].next;
			if (!ok)
				FAIL("%s to %s: %s", hf_state_symbol(s),
				     hf_state_symbol(table[i].next),
				     table[i].why);
		}
}

/* Calls in every state, and in every variety of it that a guard asks for. */

struct subject {
	struct world *w;
	struct hf_call *call;
	struct hf_dialog *caller, *retriever, *recall;
	struct hf_decision decision;
	struct hf_invite invite;
	struct hf_identity outsider;
	struct hf_refer refer;
};

static void new_call(struct subject *t)
{
	struct hf_party *p;

	t->caller = dialog_new(t->w, true);
	t->caller->pending = true;
	t->invite = invite(CALLER_URI, "700");
	t->invite.call_id = t->caller->call_id;
	t->invite.from_tag = t->caller->remote_tag;
	hf_decide(t->w->park, &t->invite, &t->decision);
	p = hf_party_create(t->w->park, t->caller, HF_ROLE_CALLER);
	hf_party_fill(p, &t->invite);
	t->caller->party = p;
	t->call = hf_call_create(t->w->park, &t->decision, &t->invite, p);
}

static void arriving(struct subject *t)
{
	t->caller = transfer(t->w, ALICE_URI, "700");
}

static void arriving_without_slot(struct subject *t)
{
	t->w->lots[0].on_busy = HF_BUSY_RING_PARKER;
	park_one(t->w, "701");
	t->caller = transfer(t->w, ALICE_URI, "701");
}

static void reserved(struct subject *t)
{
	t->caller = dial(t->w, ALICE_URI, "700");
	ack(t->caller);
}

static void parked(struct subject *t)
{
	t->caller = park_one(t->w, "700");
}

static void parked_after_lease(struct subject *t)
{
	reserved(t);
	pass(t->w, 30);
}

static void parked_alone(struct subject *t)
{
	t->w->lots[0].recall.fallback_count = 0;
	t->caller = dial(t->w, CALLER_URI, "700");
	ack(t->caller);
}

static void parked_alone_hang_up(struct subject *t)
{
	t->w->lots[0].recall.finally = HF_FINALLY_HANG_UP;
	parked_alone(t);
}

static void recalling(struct subject *t)
{
	parked(t);
	pass(t->w, 90);
}

static void recalling_after_lease(struct subject *t)
{
	parked_after_lease(t);
	pass(t->w, 90);
}

/* Its answerer has yet to press a key. */
static void recalling_asked(struct subject *t)
{
	t->w->lots[0].recall.confirm = HF_CONFIRM_DTMF;
	recalling(t);
	t->recall = recall(t->w);
	answer(t->recall, sdp("127.0.0.4", 5000, "8", "sendrecv"));
}

static void recalling_the_last(struct subject *t)
{
	t->w->lots[0].recall.finally = HF_FINALLY_HANG_UP;
	t->w->lots[0].recall.fallback_count = 0;
	t->w->lots[0].recall.attempts = 1;
	recalling(t);
}

static void claimed(struct subject *t)
{
	parked(t);
	t->retriever = dial(t->w, BOB_URI, "701");
}

static void claimed_while_ringing(struct subject *t)
{
	recalling(t);
	t->retriever = dial(t->w, BOB_URI, "701");
}

static void claimed_and_held(struct subject *t)
{
	struct hf_invite in = invite(BOB_URI, "701");

	parked(t);
	in.body = sdp("127.0.0.4", 5000, "0", "sendrecv");
	in.body_len = strlen(in.body);
	t->retriever = send_invite(t->w, &in);
}

/* The moment inside RECALL_ANSWERED, before the legs are joined. */
static void claimed_by_recall(struct subject *t)
{
	recalling(t);
	t->retriever = recall(t->w);
	t->retriever->answered = true;
	t->call = t->caller->party->call;
	t->call->retriever = t->call->recall;
	t->call->retriever->answered = true;
	t->call->recall = NULL;
	t->call->state = HF_S_CLAIMED;
	t->call->claimed_from = HF_S_RECALLING;
	t->w->park->totals.recalling--;
	hf_timer_stop(&t->w->park->timers, &t->call->timer);
}

static void relayed(struct subject *t)
{
	parked(t);
	t->retriever = dial(t->w, BOB_URI, "*88701");
	ack(t->retriever);
}

static void relayed_by_slot(struct subject *t)
{
	claimed(t);
	ack(t->retriever);
}

static void relayed_lot_full(struct subject *t)
{
	relayed(t);
	for (int i = 0; i < 3; i++)
		park_one(t->w, "700");
}

static void ringing_for_somebody(struct subject *t)
{
	const char *why;

	parked(t);
	hf_park_ring_for(t->w->park, t->caller->party->call->id, BOB_URI, true,
			 &why);
}

static void stepped_in(struct subject *t)
{
	ringing_for_somebody(t);
	t->retriever = recall(t->w);
	answer(t->retriever, sdp("127.0.0.4", 5000, "8", "sendrecv"));
}

static void relayed_by_recall(struct subject *t)
{
	t->w->lots[0].recall.on_hangup = HF_HANGUP_PARK;
	recalling(t);
	t->retriever = recall(t->w);
	answer(t->retriever, sdp("127.0.0.4", 5000, "8", "sendrecv"));
}

static void transferring(struct subject *t)
{
	relayed(t);
	refer(t->retriever, "sip:1003@pbx.example.com", NULL);
}

static void transferring_alone(struct subject *t)
{
	transferring(t);
	bye(t->retriever);
	t->retriever = NULL;
}

static const struct hf_replaces names = { .call_id = "x", .to_tag = "a",
					  .from_tag = "b" };

static void fetching(struct subject *t)
{
	refer_outside(t->w, ALICE_URI, "701", &names);
	t->caller = recall(t->w);
}

static const struct {
	enum hf_call_state state;
	void (*make)(struct subject *);
} variety[] = {
	{ HF_S_NEW, new_call },
	{ HF_S_ARRIVING, arriving },
	{ HF_S_ARRIVING, arriving_without_slot },
	{ HF_S_RESERVED, reserved },
	{ HF_S_PARKED, parked },
	{ HF_S_PARKED, parked_after_lease },
	{ HF_S_PARKED, parked_alone },
	{ HF_S_PARKED, parked_alone_hang_up },
	{ HF_S_RECALLING, recalling },
	{ HF_S_RECALLING, recalling_after_lease },
	{ HF_S_RECALLING, recalling_the_last },
	{ HF_S_RECALLING, recalling_asked },
	{ HF_S_CLAIMED, claimed },
	{ HF_S_CLAIMED, claimed_while_ringing },
	{ HF_S_CLAIMED, claimed_by_recall },
	{ HF_S_CLAIMED, claimed_and_held },
	{ HF_S_RELAY, relayed },
	{ HF_S_RELAY, relayed_by_slot },
	{ HF_S_RELAY, relayed_lot_full },
	{ HF_S_RELAY, stepped_in },
	{ HF_S_RELAY, relayed_by_recall },
	{ HF_S_RECALLING, ringing_for_somebody },
	{ HF_S_TRANSFER, transferring },
	{ HF_S_TRANSFER, transferring_alone },
	{ HF_S_FETCHING, fetching },
};
#define VARIETIES (sizeof(variety) / sizeof(variety[0]))

static struct subject subject(unsigned int v)
{
	struct subject t = { .w = world() };

	variety[v].make(&t);
	t.call = t.caller->party->call;
	if (!t.recall && variety[v].state != HF_S_FETCHING)
		t.recall = recall(t.w);
	return t;
}

/* What the stack would hand over with this event. */
static struct hf_stimulus stimulus(struct subject *t, enum hf_call_event e)
{
	struct hf_stimulus s = { .event = e };
	struct hf_dialog *d = NULL;

	if (e >= HF_E_CALLER_ACK && e <= HF_E_CALLER_UNFIT)
		d = t->caller;
	if (e >= HF_E_RETRIEVER_ACK && e <= HF_E_RETRIEVER_UNFIT)
		d = t->retriever;
	if (e >= HF_E_RECALL_RINGS && e <= HF_E_RECALL_FAILED)
		d = t->recall;
	if ((e >= HF_E_FETCH && e <= HF_E_FETCH_FAILED) ||
	    e == HF_E_REINVITE_DONE)
		d = t->caller;
	t->refer = (struct hf_refer){ .target = who("sip:1003@pbx.example.com"),
				      .target_params = "",
				      .replaces = &names };
	s.refer = &t->refer;
	s.slot = slot(t->w, "702");
	s.uri = BOB_URI;
	if (e == HF_E_RETRIEVE || e == HF_E_SWAP) {
		d = dialog_new(t->w, true);
		t->invite = invite(e == HF_E_SWAP ? CALLER_URI : BOB_URI,
				   "701");
		t->invite.call_id = d->call_id;
		t->invite.from_tag = d->remote_tag;
		t->decision = (struct hf_decision){ .rule = "test" };
		d->party = hf_party_create(t->w->park, d,
					   e == HF_E_SWAP ? HF_ROLE_CALLER :
							    HF_ROLE_RETRIEVER);
		hf_party_fill(d->party, &t->invite);
	}
	if (e == HF_E_ADOPT && t->call->state == HF_S_NEW)
		d = t->caller;
	t->outsider = who(CALLER_URI);
	if (e == HF_E_ADOPT || e == HF_E_RETRIEVER_OFFER)
		s.asserted = &t->outsider;
	s.invite = &t->invite;
	s.decision = &t->decision;
	s.body = t->invite.body ?: sdp("127.0.0.3", 4000, "8", "sendrecv");
	s.len = strlen(s.body);
	if (!d)
		return s;
	s.party = d->party;
	d->pending |= e == HF_E_RETRIEVE || e == HF_E_SWAP ||
		      e == HF_E_CALLER_OFFER || e == HF_E_RETRIEVER_OFFER ||
		      e == HF_E_ADOPT;
	d->refer_pending |= e == HF_E_CALLER_REFER || e == HF_E_RETRIEVER_REFER;
	d->answered |= e == HF_E_FETCHED;
	d->answered |= e == HF_E_RECALL_ANSWERED || e == HF_E_ADOPT;
	s.party->answered |= e == HF_E_ADOPT;
	if (e == HF_E_CALLER_BYE || e == HF_E_RETRIEVER_BYE ||
	    e == HF_E_RECALL_FAILED || e == HF_E_FETCH_FAILED) {
		d->over = true;
		d->party->gone = true;
	}
	return s;
}

static const char *run_pair(unsigned int v, enum hf_call_event e,
			    enum hf_verdict verdict,
			    const struct hf_row **ret_row)
{
	struct subject t = subject(v);
	struct hf_stimulus s;
	struct hf_dialog *fresh = t.w->dialogs;
	uint64_t bugs, id = t.call->id;
	struct hf_call *call;
	const char *leak;

	if (t.call->state != variety[v].state)
		return "the variety is not in its state";
	s = stimulus(&t, e);
	if (e == HF_E_SWAP) /* what decide.c finds */
		t.decision.replaced = t.call->retriever;
	if (e == HF_E_RETRIEVER_REFER || e == HF_E_CALLER_REFER ||
	    e == HF_E_LOOPED)
		t.decision = (struct hf_decision){
			.verdict = verdict, .rule = "refer", .status = 486,
			.reason = "test", .lot = t.call->lot,
			/* as decide.c has it: never one that is taken */
			.slot = slot(t.w, "703")->call ? NULL
						       : slot(t.w, "703") };
	if (e == HF_E_FETCH)
		t.decision.slot = slot(t.w, "703");
	if (e == HF_E_FETCH && variety[v].state == HF_S_NEW) {
		t.caller->released = true;
		t.caller->party->incoming = false;
		t.caller->party->dialog = NULL;
	}
	*ret_row = hf_table_row(t.call, &s);
	bugs = t.w->park->bugs;
	hf_call_event(t.call, &s);
	HASH_FIND(hh, t.w->park->calls, &id, sizeof(id), call);
	if (hf_row_is_bug(*ret_row)) {
		if (t.w->park->bugs != bugs + 1)
			return "a bug was not counted";
		if (!call || call->state != variety[v].state)
			return "a bug changed the state";
		t.w->park->bugs = bugs;
		if (s.party && s.party->dialog) /* nobody answers it */
			s.party->dialog->refer_pending = false;
		if (t.w->dialogs != fresh) /* the leg that nobody took */
			hf_party_drop(s.party, 486, NULL);
	} else if ((*ret_row)->next == HF_S_ENDED && call) {
		return "it has not ended";
	}
	if (t.w->park->bugs)
		return "it led to a bug";
	if (call && call->state == HF_S_NEW)
		hf_call_free(call, true), t.w->wrongs = 0;
	world_hang_up(t.w);
	leak = world_leaks(t.w);
	if (*leak)
		return leak;
	world_free(t.w);
	return "";
}

TEST(every_row_runs_on_a_real_call_and_leaves_nothing_behind)
{
	size_t count, done = 0;
	const struct hf_row *table = hf_table(&count), *row;
	bool *ran = calloc(count, sizeof(*ran));

	for (unsigned int v = 0; v < VARIETIES; v++)
		for (unsigned int e = 0; e < HF_E_COUNT; e++) {
			for (int k = 0; k <= HF_DO_TRANSFER; k++) {
				const char *what = run_pair(v, e, k, &row);

				if (*what)
					FAIL("variety %u, %s, %s: %s", v,
					     hf_state_symbol(variety[v].state),
					     hf_event_symbol(e), what);
				ran[row - table] = true;
				if (e != HF_E_RETRIEVER_REFER)
					break;
			}
		}
	for (unsigned int e = 0; e < HF_E_COUNT; e++) {
		const struct hf_call ended = { .state = HF_S_ENDED };
		const struct hf_stimulus s = { .event = e };

		row = hf_table_row(&ended, &s);
		CHECK(hf_row_is_bug(row));
		ran[row - table] = true;
	}
	for (size_t i = 0; i < count; i++) {
		/* what only happens inside another event of the same call */
		if (table[i].events == 1ull << HF_E_JOINED ||
		    table[i].events == 1ull << HF_E_SWAPPED)
			ran[i] = true;
		if (!ran[i])
			FAIL("row %zu never ran: %s", i, table[i].why);
		done += ran[i];
	}
	CHECK_INT(done, count);
	free(ran);
}

static char *printed(size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	hf_park_print_table(out);
	fclose(out);
	return text;
}

TEST(the_page_in_Documentation_is_what_the_code_prints)
{
	size_t len, have = 0;
	char *text = printed(&len), *page;
	FILE *f;

	if (getenv("HF_PRINT_PAGE")) {
		f = fopen(PAGE, "w");
		CHECK(f && fwrite(text, 1, len, f) == len);
		fclose(f);
	}
	f = fopen(PAGE, "r");
	if (!f)
		FAIL("%s cannot be read from the current folder", PAGE);
	page = calloc(1, len + 2);
	have = fread(page, 1, len + 1, f);
	fclose(f);
	if (have != len || memcmp(page, text, len))
		FAIL("%s is old: HF_PRINT_PAGE=1 test_park_table prints it",
		     PAGE);
	free(page);
	free(text);
}

TEST_MAIN()
