// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of ctl/park/signal.h: each entry leads to the file that does it. */
#include "private.h"

static struct hf_dialog *op_invite(void *stack, struct hf_party *party,
				   const struct hf_call_out *call)
{
	return hf_invite_out(stack, party, call);
}

static void op_reply(struct hf_dialog *d, const struct hf_reply *reply)
{
	hf_dialog_enter(d);
	hf_request_reply(d, reply);
	hf_dialog_leave(d);
}

static void op_cancel(struct hf_dialog *d, const struct hf_cause *cause)
{
	hf_dialog_enter(d);
	hf_invite_cancel(d, cause);
	hf_dialog_leave(d);
}

static void op_bye(struct hf_dialog *d, const struct hf_cause *cause)
{
	hf_dialog_enter(d);
	hf_dialog_bye(d, cause);
	hf_dialog_leave(d);
}

static void op_refer(struct hf_dialog *d, int status, const char *phrase)
{
	hf_dialog_enter(d);
	hf_refer_outcome(d, status, phrase);
	hf_dialog_leave(d);
}

static const char *op_local_tag(const struct hf_dialog *d)
{
	return d->leg ? nta_leg_get_tag(d->leg) : NULL;
}

static const char *op_call_id(const struct hf_dialog *d)
{
	return d->call_id;
}

static struct hf_dialog *op_adopt(void *stack, struct hf_party *party,
				  const struct hf_store_party *record,
				  const char *answer)
{
	return hf_dialog_adopt(stack, party, record, answer);
}

static void op_message(void *stack, const struct hf_config_tenant *of,
		       const char *from_user, const char *to,
		       const char *text)
{
	hf_message_send(stack, of, from_user, to, text);
}

const struct hf_signal_ops *hf_sip_signal_ops(void)
{
	static const struct hf_signal_ops ops = {
		.reply = op_reply,
		.invite = op_invite,
		.cancel = op_cancel,
		.bye = op_bye,
		.reinvite = hf_reinvite,
		.identify = hf_identify,
		.refer = op_refer,
		.release = hf_dialog_release,
		.local_tag = op_local_tag,
		.call_id = op_call_id,
		.message = op_message,
		.save = hf_dialog_save,
		.adopt = op_adopt,
	};

	return &ops;
}
