// SPDX-License-Identifier: GPL-2.0-or-later
/* Help at each level, from the tables of commands.c and internal.h alone. */
#include <string.h>

#include "internal.h"

const struct hf_option hf_options[] = {
#define X(name, letter, argument, objects, text)                               \
	{ name, argument, objects, text, letter },
	HF_OPTIONS(X)
#undef X
	{ 0 }
};

bool hf_option_fits(const struct hf_option *o, const char *object)
{
	const char *at = o->objects;
	size_t len = strlen(object);

	if (!at)
		return true;
	while ((at = strstr(at, object))) {
		if ((at == o->objects || at[-1] == ' ') &&
		    (at[len] == ' ' || !at[len]))
			return true;
		at += len;
	}
	return false;
}

const char *hf_cli_option(const struct hf_cli *cli, const char *name)
{
	const char *found = NULL;

	for (int i = 0; hf_options[i].name; i++)
		if (!strcmp(hf_options[i].name, name) && cli->value[i])
			found = cli->value[i];
	return found;
}

static void print_option(FILE *out, const struct hf_option *o)
{
	char usage[48], letter[8] = "    ";

	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	snprintf(usage, sizeof(usage), "%s--%s%s%s", letter, o->name,
		 o->argument ? " " : "", o->argument ? o->argument : "");
	fprintf(out, "  %-26s %s\n", usage, o->text);
}

/* Options of one object, or those of all (NULL). */
static void print_options(FILE *out, const char *object)
{
	bool titled = false;

	for (const struct hf_option *o = hf_options; o->name; o++) {
		if (object ? !o->objects || !hf_option_fits(o, object)
			   : !!o->objects)
			continue;
		if (!titled)
			fprintf(out, "\nOptions%s%s:\n", object ? " of " : "",
				object ? object : "");
		titled = true;
		print_option(out, o);
	}
}

static void print_command(FILE *out, const struct hf_command *c)
{
	char name[64], usage[96];

	hf_command_name(c, name, sizeof(name));
	snprintf(usage, sizeof(usage), "%s%s%s", name, *c->args ? " " : "",
		 c->args);
	fprintf(out, "  %-22s %s\n", usage, c->summary);
}

static void help_all(FILE *out)
{
	fprintf(out, "holdfastctl shows what holdfastd does with parked calls.\n\n"
		     "Usage: holdfastctl [OPTIONS] OBJECT COMMAND [ARGUMENT]\n\n"
		     "Commands (a beginning that fits only one is enough; none means status):\n");
	for (const struct hf_command *c = hf_commands; c->object; c++)
		print_command(out, c);
	print_options(out, NULL);
	fprintf(out,
		"\nholdfastctl help OBJECT says more, with an example.\n"
		"Exit status: 0 done, 1 failed, 2 wrong usage, 3 holdfastd is not running.\n");
}

static void help_object(FILE *out, const struct hf_object *o)
{
	fprintf(out, "%s: %s\n\n", o->name, o->summary);
	for (const struct hf_command *c = hf_commands; c->object; c++)
		if (!strcmp(c->object, o->name))
			print_command(out, c);
	print_options(out, o->name);
	for (const struct hf_command *c = hf_commands; c->object; c++)
		if (!strcmp(c->object, o->name))
			fprintf(out, "\nExample: %s\n", c->example);
}

static void help_command(FILE *out, const struct hf_command *c)
{
	char name[64];

	hf_command_name(c, name, sizeof(name));
	fprintf(out, "Usage: holdfastctl %s%s%s\n\n%s: %s\n", name,
		*c->args ? " " : "", c->args, name, c->summary);
	print_options(out, c->object);
	fprintf(out, "\nExample: %s\n", c->example);
}

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

/* The tables as they are, for scripts and for the test that compares them. */
static void help_json(struct hf_cli *cli, const struct hf_object *object)
{
	json_t *commands = json_array(), *list = json_array(), *all;

	for (const struct hf_command *c = hf_commands; c->object; c++) {
		if (object && strcmp(c->object, object->name))
			continue;
		json_array_append_new(
			commands,
			json_pack("{s:s,s:o,s:s,s:s,s:s}", "object", c->object,
				  "command", text_or_null(c->command), "args",
				  c->args, "help", c->summary, "example",
				  c->example));
	}
	for (const struct hf_option *o = hf_options; o->name; o++)
		json_array_append_new(
			list,
			json_pack("{s:s,s:o,s:o,s:o,s:s}", "option", o->name,
				  "letter",
				  o->letter ? json_stringn(&o->letter, 1)
					    : json_null(),
				  "args", text_or_null(o->argument), "objects",
				  text_or_null(o->objects), "help", o->text));
	all = json_pack("{s:o,s:o}", "commands", commands, "options", list);
	hf_cli_print_json(cli, all);
	json_decref(all);
}

void hf_cli_help(struct hf_cli *cli, const struct hf_object *object,
		 const struct hf_command *command)
{
	if (cli->json)
		help_json(cli, object);
	else if (command)
		help_command(cli->out, command);
	else if (object)
		help_object(cli->out, object);
	else
		help_all(cli->out);
}
