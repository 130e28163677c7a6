// SPDX-License-Identifier: GPL-2.0-or-later
/* Columns as wide as their widest cell, counted as a terminal counts; used by
 * show.c. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "table.h"

/*
 * One character of `s` that may be shown: returns its bytes and sets its width
 * in cells; width -1 stands for something that may not.
 */
static size_t next_char(const char *s, int *width)
{
	mbstate_t state = { 0 };
	wchar_t c;
	size_t n = mbrtowc(&c, s, strlen(s), &state);

	if (n == (size_t)-1 || n == (size_t)-2 || n == 0) {
		*width = -1;
		return 1;
	}
	*width = iswprint((wint_t)c) ? wcwidth(c) : -1;
	return n;
}

void hf_print_safe(FILE *out, const char *text)
{
	while (*text) {
		int width;
		size_t n = next_char(text, &width);

		if (width < 0)
			fputc('?', out);
		else
			fwrite(text, 1, n, out);
		text += n;
	}
}

void hf_print_width(FILE *out, const char *text, int left)
{
	while (*text) {
		int width;
		size_t n = next_char(text, &width);

		if ((width < 0 ? 1 : width) > left)
			break;
		if (width < 0)
			fputc('?', out);
		else
			fwrite(text, 1, n, out);
		left -= width < 0 ? 1 : width;
		text += n;
	}
	fprintf(out, "%*s", left, "");
}

static int text_width(const char *text)
{
	int total = 0;

	while (*text) {
		int width;

		text += next_char(text, &width);
		total += width < 0 ? 1 : width;
	}
	return total;
}

void hf_table_init(struct hf_table *t, const char *const *titles)
{
	*t = (struct hf_table){ 0 };
	for (; titles[t->columns] && t->columns < HF_TABLE_COLUMNS;
	     t->columns++) {
		const char *title = titles[t->columns];

		t->right[t->columns] = *title == '>';
		t->title[t->columns] = title + (*title == '>');
	}
}

void hf_table_add(struct hf_table *t, const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	if (t->at == t->room) {
		unsigned int room = t->room ? 2 * t->room : 64;
		char **cell = realloc(t->cell, room * sizeof(*cell));

		if (!cell) {
			t->failed = true;
			return;
		}
		t->cell = cell;
		t->room = room;
	}
	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = NULL;
	va_end(ap);
	t->failed |= !text;
	t->cell[t->at++] = text;
	t->rows = t->at / t->columns;
}

static const char *cell_text(const struct hf_table *t, unsigned int row,
			     unsigned int column)
{
	const char *text = t->cell[row * t->columns + column];

	return text && *text ? text : "-";
}

static void print_cell(FILE *out, const char *text, int width, bool right,
		       bool last)
{
	int pad = width - text_width(text);

	if (right)
		fprintf(out, "%*s", pad, "");
	hf_print_safe(out, text);
	if (!right && !last)
		fprintf(out, "%*s", pad, "");
	fputs(last ? "" : "  ", out);
}

void hf_table_print(struct hf_table *t, FILE *out, int indent, bool colour)
{
	int width[HF_TABLE_COLUMNS];

	for (unsigned int c = 0; c < t->columns; c++) {
		width[c] = text_width(t->title[c]);
		for (unsigned int r = 0; r < t->rows; r++) {
			int w = text_width(cell_text(t, r, c));

			width[c] = w > width[c] ? w : width[c];
		}
	}
	fprintf(out, "%*s%s", indent, "", colour ? "\033[1m" : "");
	for (unsigned int c = 0; c < t->columns; c++)
		print_cell(out, t->title[c], width[c], t->right[c],
			   c + 1 == t->columns);
	fprintf(out, "%s\n", colour ? "\033[0m" : "");
	for (unsigned int r = 0; r < t->rows; r++) {
		fprintf(out, "%*s", indent, "");
		for (unsigned int c = 0; c < t->columns; c++)
			print_cell(out, cell_text(t, r, c), width[c],
				   t->right[c], c + 1 == t->columns);
		fputc('\n', out);
	}
	if (t->failed)
		fprintf(out, "%*s(out of memory: rows are missing)\n", indent,
			"");
	for (unsigned int i = 0; i < t->at; i++)
		free(t->cell[i]);
	free(t->cell);
	*t = (struct hf_table){ 0 };
}
