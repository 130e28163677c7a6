// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line of holdfastctl: options, the object and command meant by a
 * unique beginning, and how a failure is said. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/names.h"
#include "internal.h"

void hf_cli_print_json(struct hf_cli *cli, const json_t *json)
{
	json_dumpf(json, cli->out,
		   cli->pretty ? JSON_INDENT(2) : JSON_COMPACT);
	fputc('\n', cli->out);
}

int hf_cli_fail(struct hf_cli *cli, enum hf_exit status, const char *code,
		const char *format, ...)
{
	char text[1536];
	json_t *error;
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (!cli->json) {
		fprintf(cli->err, "holdfastctl: %s\n", text);
		return (int)status;
	}
	error = json_pack("{s:{s:s,s:s}}", "error", "code", code, "message",
			  text);
	if (!error) /* a word of the command line was not UTF-8 */
		error = json_pack("{s:{s:s,s:s}}", "error", "code", code,
				  "message", "the message is not UTF-8 text");
	hf_cli_print_json(cli, error);
	json_decref(error);
	return (int)status;
}

/*
 * Index of the name that `word` is, or is the beginning of; -1 if there is
 * none, -2 if several. `name(i)` gives NULL after the last.
 */
static int find_word(const char *word, const char *(*name)(int, const void *),
		     const void *arg, char *several, size_t len)
{
	int found = -1, hits = 0;
	const char *n;

	several[0] = '\0';
	if (!*word)
		return -1;
	for (int i = 0; (n = name(i, arg)); i++) {
		size_t used = strlen(several);

		if (!strcmp(n, word))
			return i;
		if (strncmp(n, word, strlen(word)))
			continue;
		snprintf(several + used, len - used, "%s%s", used ? ", " : "",
			 n);
		found = i;
		hits++;
	}
	return hits > 1 ? -2 : found;
}

static const char *object_name(int i, const void *arg)
{
	return hf_objects[i].name;
}

/* "" (fits nothing) for the commands of other objects. */
static const char *command_name(int i, const void *object)
{
	const struct hf_command *c = &hf_commands[i];

	if (!c->object)
		return NULL;
	return c->command && !strcmp(c->object, object) ? c->command : "";
}

static const struct hf_command *first_command(const char *object)
{
	const struct hf_command *c = hf_commands;

	while (strcmp(c->object, object))
		c++;
	return c;
}

static bool is_help(const char *word)
{
	return !strcmp(word, "help");
}

static int choose_object(struct hf_cli *cli, const char *word,
			 const struct hf_object **ret)
{
	char several[256];
	int i = find_word(word, object_name, NULL, several, sizeof(several));

	if (i == -2)
		return hf_cli_fail(cli, HF_EXIT_USAGE, "usage",
				   "\"%s\" may be: %s", word, several);
	if (i < 0)
		return hf_cli_fail(cli, HF_EXIT_USAGE, "usage",
				   "there is no object \"%s\"; see holdfastctl help",
				   word);
	*ret = &hf_objects[i];
	return HF_EXIT_OK;
}

static int choose_command(struct hf_cli *cli, const struct hf_object *object,
			  const char *word, const struct hf_command **ret)
{
	char several[256];
	int i = find_word(word, command_name, object->name, several,
			  sizeof(several));

	if (i == -2)
		return hf_cli_fail(cli, HF_EXIT_USAGE, "usage",
				   "\"%s %s\" may be: %s", object->name, word,
				   several);
	if (i < 0)
		return hf_cli_fail(cli, HF_EXIT_USAGE, "usage",
				   "there is no command \"%s %s\"; see holdfastctl help %s",
				   object->name, word, object->name);
	*ret = &hf_commands[i];
	return HF_EXIT_OK;
}

/* The words after the command must be what its table line says. */
static int check_args(struct hf_cli *cli, const struct hf_command *c,
		      int count, char **args)
{
	int words = !*c->args ? 0 : strchr(c->args, ' ') ? 2 : 1;
	int least = words - (strchr(c->args, '[') != NULL);
	char name[64];

	hf_command_name(c, name, sizeof(name));
	if (count > words)
		return hf_cli_fail(cli, HF_EXIT_USAGE, "usage",
				   "too much after %s: \"%s\"", name,
				   args[words]);
	if (count < least)
		return hf_cli_fail(cli, HF_EXIT_USAGE, "usage",
				   "%s needs %s, as in: %s", name, c->args,
				   c->example);
	if (count && c->number &&
	    (strspn(args[0], "0123456789") != strlen(args[0]) ||
	     !*args[0] || strlen(args[0]) > 18))
		return hf_cli_fail(cli, HF_EXIT_USAGE, "usage",
				   "%s is a number, not \"%s\", as in: %s",
				   c->args, args[0], c->example);
	return HF_EXIT_OK;
}

/* Each option given must be one of this object. */
static int check_options(struct hf_cli *cli, const char *object)
{
	const char *name;
	bool fits;

	for (int i = 0; (name = hf_options[i].name); i++) {
		if (!(cli->given & 1u << i))
			continue;
		fits = false;
		for (const struct hf_option *o = hf_options; o->name; o++)
			fits |= !strcmp(o->name, name) &&
				hf_option_fits(o, object);
		if (!fits)
			return hf_cli_fail(cli, HF_EXIT_USAGE, "usage",
					   "--%s belongs to %s", name,
					   hf_options[i].objects);
	}
	return HF_EXIT_OK;
}

/* Which command the words mean, and do it. */
static int run_words(struct hf_cli *cli, int count, char **words, bool help)
{
	const struct hf_command *command = NULL;
	const struct hf_object *object = NULL;
	int status = HF_EXIT_OK;

	while (count && !object && is_help(words[0])) {
		help = true;
		count--;
		words++;
	}
	if (count) {
		status = choose_object(cli, words[0], &object);
		count--;
		words++;
	}
	if (!status && count && is_help(words[0])) {
		help = true;
		count = 0;
	}
	if (!status && object && first_command(object->name)->command &&
	    count) {
		status = choose_command(cli, object, words[0], &command);
		count--;
		words++;
	}
	if (status)
		return status;
	if (help) {
		hf_cli_help(cli, object, command);
		return HF_EXIT_OK;
	}
	if (!command)
		command = first_command(object ? object->name : "status");
	status = check_options(cli, command->object);
	if (status)
		return status;
	status = check_args(cli, command, count, words);
	if (status)
		return status;
	cli->second = count > 1 ? words[1] : NULL;
	return command->run(cli, command, count ? words[0] : NULL);
}

static int take_option(struct hf_cli *cli, const struct hf_option *o,
		       bool *help)
{
	char *end;

	cli->given |= 1u << (o - hf_options);
	cli->value[o - hf_options] = o->argument ? optarg : "";
	switch (o->letter) {
	case 'p':
		cli->pretty = true;
		/* fall through */
	case 'j':
		cli->json = true;
		return HF_EXIT_OK;
	case 'i':
		if (!*optarg || strchr(optarg, '/') || optarg[0] == '.')
			return hf_cli_fail(cli, HF_EXIT_USAGE, "usage",
					   "an instance is a name, not \"%s\"",
					   optarg);
		cli->instance = optarg;
		return HF_EXIT_OK;
	case 's':
		snprintf(cli->socket, sizeof(cli->socket), "%s", optarg);
		return HF_EXIT_OK;
	case 'n':
		errno = 0;
		cli->count = strtol(optarg, &end, 10);
		if (errno || *end || cli->count < 1)
			return hf_cli_fail(cli, HF_EXIT_USAGE, "usage",
					   "--count is a number from 1, not \"%s\"",
					   optarg);
		return HF_EXIT_OK;
	case 'w':
		cli->watch = true;
		return HF_EXIT_OK;
	case 'h':
		*help = true;
		return HF_EXIT_OK;
	default:
		cli->csv |= !strcmp(o->name, "csv");
		return HF_EXIT_OK;
	}
}

static int wrong_option(struct hf_cli *cli, int letter, const char *word)
{
	if (letter == ':')
		return hf_cli_fail(cli, HF_EXIT_USAGE, "usage",
				   "%s needs an argument; see holdfastctl help",
				   word);
	return hf_cli_fail(cli, HF_EXIT_USAGE, "usage",
			   "there is no option %s; see holdfastctl help", word);
}

/* The table for getopt: a long option is known by its place, from 256 on. */
#define HF_LONG_FIRST 256
static void fill_options(struct option *longs, char *shorts)
{
	int i;

	*shorts++ = ':';
	for (i = 0; hf_options[i].name; i++) {
		const struct hf_option *o = &hf_options[i];

		longs[i] = (struct option){
			o->name, o->argument ? required_argument : no_argument,
			NULL, HF_LONG_FIRST + i};
		if (!o->letter)
			continue;
		*shorts++ = o->letter;
		if (o->argument)
			*shorts++ = ':';
	}
	longs[i] = (struct option){0};
	*shorts = '\0';
}

static const struct hf_option *option_of(int letter)
{
	const struct hf_option *o = hf_options;

	if (letter >= HF_LONG_FIRST)
		return &hf_options[letter - HF_LONG_FIRST];
	while (o->name && o->letter != letter)
		o++;
	return o->name ? o : NULL;
}

static int run(struct hf_cli *cli, int argc, char **argv)
{
	struct option longs[33];
	char shorts[70];
	bool help = false;
	int letter, status;

	fill_options(longs, shorts);
	optind = 0; /* begin anew: more than one run in a process */
	opterr = 0;
	while ((letter = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct hf_option *o = option_of(letter);

		if (!o)
			return wrong_option(cli, letter, argv[optind - 1]);
		if (o->letter == 'V') {
			fprintf(cli->out, "holdfastctl %s\n", HF_VERSION);
			return HF_EXIT_OK;
		}
		status = take_option(cli, o, &help);
		if (status)
			return status;
	}
	return run_words(cli, argc - optind, argv + optind, help);
}

int hf_cli_run(int argc, char **argv, FILE *out, FILE *err)
{
	struct hf_cli cli = { .out = out, .err = err, .fd = -1 };
	const char *term = getenv("TERM");
	int status;

	cli.colour = fileno(out) >= 0 && isatty(fileno(out)) &&
		     !getenv("NO_COLOR") && term && strcmp(term, "dumb") != 0;
	/* Errors of the options before -j are to be JSON as well. */
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (!strcmp(argv[i], "-j") || !strcmp(argv[i], "--json") ||
		    !strcmp(argv[i], "-p") || !strcmp(argv[i], "--pretty"))
			cli.json = true;
	status = run(&cli, argc, argv);
	if (fflush(out) || ferror(out)) {
		fprintf(err, "holdfastctl: cannot write: %s\n",
			strerror(errno));
		if (!status)
			status = HF_EXIT_FAILED;
	}
	return status;
}
