// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * holdfastctl slot list, and with --watch the slots as a board that is drawn
 * anew each second: as many cells side by side as the terminal is wide. Where
 * not all fit, free ones are left out. Stays when the daemon goes and comes
 * again; ends with q, Ctrl-C or its terminal. With -j each change is a line, and
 * no terminal is needed.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"
#include "table.h"

#define CELL_WIDTH 28
#define DRAW_MS	   1000
#define PATIENCE   10 /* refusals in a row: one that starts is not ready yet */

#define ESC	  "\033["
#define CLEAR_EOL ESC "K"

struct watch {
	struct hf_cli *cli;
	bool screen; /* a terminal, not a file */
	int signals;
	struct termios before;
	bool raw;
	int columns, lines;
	char *shown; /* what has been printed already */
};

/* NULL if the name is not UTF-8. */
static json_t *request(const struct hf_cli *cli, const char *lot)
{
	json_t *r = json_pack("{s:s}", "command", "slot list");
	const char *tenant = hf_cli_option(cli, "tenant");

	if ((!lot || !json_object_set_new(r, "lot", json_string(lot))) &&
	    (!tenant ||
	     !json_object_set_new(r, "tenant", json_string(tenant))))
		return r;
	json_decref(r);
	return NULL;
}

static bool taken(const json_t *slot)
{
	return hf_json_num(slot, "call") != 0;
}

static const char *colour_of(const json_t *slot)
{
	const char *state = hf_json_str(slot, "state");
	const json_t *left = json_object_get(slot, "seconds_to_recall");

	if (!strcmp(state, "free"))
		return ESC "2m";
	if (!strcmp(state, "recalling"))
		return ESC "1;31m";
	if (strcmp(state, "parked") != 0)
		return ESC "36m";
	return json_is_integer(left) && json_integer_value(left) <= 15
		       ? ESC "1;33m"
		       : ESC "1;32m";
}

/* First line: slot, label, how long; second: state and caller. */
static void draw_cell(struct watch *w, const json_t *slot, int line)
{
	FILE *out = w->cli->out;
	const char *name = hf_json_str(slot, "caller_name");
	char text[512], time[32] = "";

	if (w->cli->colour)
		fputs(colour_of(slot), out);
	if (line == 0) {
		if (taken(slot))
			hf_print_duration(time, sizeof(time),
					  json_object_get(slot,
							  "seconds_parked"));
		snprintf(text, sizeof(text), "%s %s", hf_json_str(slot, "slot"),
			 hf_json_str(slot, "label"));
		hf_print_width(out, text, CELL_WIDTH - 3 - (int)strlen(time));
		fprintf(out, " %s", time);
	} else {
		snprintf(text, sizeof(text), "%s%s%s",
			 hf_json_str(slot, "state"), taken(slot) ? " " : "",
			 *name ? name : hf_json_str(slot, "caller_number"));
		hf_print_width(out, text, CELL_WIDTH - 2);
	}
	if (w->cli->colour)
		fputs(ESC "0m", out);
	fputs("  ", out);
}

static void end_line(struct watch *w)
{
	fputs(CLEAR_EOL "\r\n", w->cli->out);
}

static void draw_head(struct watch *w, const json_t *slots)
{
	size_t waiting = 0, recalling = 0, i;
	time_t now = time(NULL);
	char text[160], clock[16] = "";
	struct tm t;
	json_t *s;

	json_array_foreach(slots, i, s)
	{
		waiting += taken(s);
		recalling += !strcmp(hf_json_str(s, "state"), "recalling");
	}
	if (localtime_r(&now, &t))
		strftime(clock, sizeof(clock), "%H:%M:%S", &t);
	snprintf(text, sizeof(text),
		 "Holdfast  %s  %zu of %zu slots taken, %zu ringing back", clock,
		 waiting, json_array_size(slots), recalling);
	if (w->cli->colour)
		fputs(ESC "7m", w->cli->out);
	hf_print_width(w->cli->out, text, w->columns);
	if (w->cli->colour)
		fputs(ESC "0m", w->cli->out);
	end_line(w);
}

/* The slots of one lot from `from` on, in rows of cells; how many lines. */
static int draw_rows(struct watch *w, json_t **cells, size_t count, int room)
{
	size_t across = (size_t)(w->columns / CELL_WIDTH);
	int used = 0;

	if (!across)
		across = 1;
	for (size_t i = 0; i < count && used + 3 <= room; i += across) {
		for (int line = 0; line < 2; line++) {
			for (size_t j = i; j < i + across && j < count; j++)
				draw_cell(w, cells[j], line);
			end_line(w);
		}
		end_line(w);
		used += 3;
	}
	return used;
}

static int draw_lot(struct watch *w, const char *lot, json_t **cells,
		    size_t count, int room)
{
	size_t across = (size_t)(w->columns / CELL_WIDTH) + !(w->columns / CELL_WIDTH);
	size_t fit = (size_t)(room - 2 > 0 ? (room - 2) / 3 : 0) * across;

	if (room < 2)
		return 0;
	hf_print_width(w->cli->out, lot, w->columns - 1);
	end_line(w);
	if (count > fit) {
		size_t kept = 0;

		for (size_t i = 0; i < count; i++)
			if (taken(cells[i]))
				cells[kept++] = cells[i];
		count = kept;
	}
	return 1 + draw_rows(w, cells, count, room - 1);
}

static void draw_slots(struct watch *w, const json_t *slots)
{
	size_t count = json_array_size(slots), at = 0;
	json_t **cells = calloc(count + 1, sizeof(*cells));
	int room = w->lines - 2;

	while (cells && at < count) {
		const char *lot =
			hf_json_str(json_array_get(slots, at), "lot");
		size_t n = 0;

		while (at < count &&
		       !strcmp(hf_json_str(json_array_get(slots, at), "lot"),
			       lot))
			cells[n++] = json_array_get(slots, at++);
		room -= draw_lot(w, lot, cells, n, room);
	}
	free(cells);
}

static void measure(struct watch *w)
{
	struct winsize size = {0};

	w->columns = 80;
	w->lines = 24;
	if (!ioctl(fileno(w->cli->out), TIOCGWINSZ, &size) &&
	    size.ws_col && size.ws_row) {
		w->columns = size.ws_col;
		w->lines = size.ws_row;
	}
}

/* Each state once, as one line. */
static void print_changed(struct watch *w, const json_t *slots)
{
	char *text = json_dumps(slots, JSON_COMPACT);

	if (!text || (w->shown && !strcmp(text, w->shown))) {
		free(text);
		return;
	}
	free(w->shown);
	w->shown = text;
	hf_cli_print_json(w->cli, slots);
	fflush(w->cli->out);
}

static void draw(struct watch *w, const json_t *slots)
{
	if (!w->screen) {
		print_changed(w, slots);
		return;
	}
	measure(w);
	fputs(ESC "H", w->cli->out);
	draw_head(w, slots);
	end_line(w);
	draw_slots(w, slots);
	fputs(ESC "J", w->cli->out);
	fflush(w->cli->out);
}

static void draw_absent(struct watch *w, int status)
{
	fputs(ESC "H" ESC "J", w->cli->out);
	fprintf(w->cli->out, "holdfastd %s; waiting for it\r\n",
		status == HF_EXIT_ABSENT ? "is not running" : "is not ready");
	fflush(w->cli->out);
}

/* The terminal becomes ours, and is given back as it was. */
static void screen_on(struct watch *w)
{
	struct termios raw;

	if (!w->screen)
		return;
	fputs(ESC "?1049h" ESC "?25l" ESC "H" ESC "J", w->cli->out);
	fflush(w->cli->out);
	if (isatty(0) && !tcgetattr(0, &w->before)) {
		raw = w->before;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		w->raw = !tcsetattr(0, TCSADRAIN, &raw);
	}
}

static void screen_off(struct watch *w)
{
	if (!w->screen)
		return;
	if (w->raw)
		tcsetattr(0, TCSADRAIN, &w->before);
	w->raw = false;
	fputs(ESC "0m" ESC "?25h" ESC "?1049l", w->cli->out);
	fflush(w->cli->out);
}

/* Ctrl-Z: the shell gets its terminal until fg. */
static void stand_aside(struct watch *w)
{
	screen_off(w);
	raise(SIGSTOP);
	screen_on(w);
}

/* Until the next drawing; true when it is over. */
static bool rest(struct watch *w)
{
	struct pollfd p[2] = {{.fd = w->signals, .events = POLLIN},
			      {.fd = w->raw ? 0 : -1, .events = POLLIN}};
	struct signalfd_siginfo info;
	char key;

	if (ferror(w->cli->out))
		return true;
	if (poll(p, 2, DRAW_MS) <= 0)
		return false;
	if (p[0].revents && read(w->signals, &info, sizeof(info)) > 0) {
		if (info.ssi_signo == SIGTSTP)
			stand_aside(w);
		return info.ssi_signo != SIGWINCH && info.ssi_signo != SIGTSTP;
	}
	return p[1].revents && (read(0, &key, 1) != 1 || key == 'q');
}

static void begin(struct watch *w)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGWINCH);
	if (w->screen)
		sigaddset(&set, SIGTSTP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	w->signals = signalfd(-1, &set, SFD_CLOEXEC);
	screen_on(w);
}

static void finish(struct watch *w)
{
	sigset_t set;

	screen_off(w);
	close(w->signals);
	free(w->shown);
	sigfillset(&set);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int watch(struct hf_cli *cli, const char *lot)
{
	struct watch w = {.cli = cli, .screen = !cli->json};
	FILE *quiet, *err = cli->err;
	json_t *slots = NULL;
	int status, refused = 0;

	if (w.screen && (fileno(cli->out) < 0 || !isatty(fileno(cli->out))))
		return hf_cli_fail(
			cli, HF_EXIT_USAGE, "no_terminal",
			"--watch draws on a terminal, and the output is none; with --json it prints a line for each change");
	/* The first time says what is wrong; later the screen does. */
	status = hf_cli_ask(cli, request(cli, lot), &slots);
	if (status)
		return status;
	quiet = fopen("/dev/null", "we");
	if (quiet && w.screen)
		cli->err = quiet;
	begin(&w);
	do {
		refused = status && status != HF_EXIT_ABSENT ? refused + 1 : 0;
		if (refused > PATIENCE)
			break;
		if (!status)
			draw(&w, slots);
		else
			draw_absent(&w, status);
		json_decref(slots);
		slots = NULL;
		if (rest(&w))
			break;
		status = hf_cli_ask(cli, request(cli, lot), &slots);
	} while (!status || w.screen);
	json_decref(slots);
	cli->err = err;
	finish(&w);
	if (quiet)
		fclose(quiet);
	if (!status || status == HF_EXIT_ABSENT)
		return w.screen ? HF_EXIT_OK : status;
	/* The lot is gone, say: the screen has not shown it. */
	return w.screen ? hf_cli_ask(cli, request(cli, lot), &slots) : status;
}

int hf_cli_slots(struct hf_cli *cli, const struct hf_command *command,
		 const char *lot)
{
	json_t *slots = NULL;
	int status;

	if (cli->watch)
		return watch(cli, lot);
	status = hf_cli_ask(cli, request(cli, lot), &slots);
	if (!status && cli->json)
		hf_cli_print_json(cli, slots);
	else if (!status)
		hf_show_slots(cli, slots);
	json_decref(slots);
	return status;
}
