/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Aligned tables for a terminal, from text that nobody has looked at yet. */
#ifndef HOLDFAST_CLI_TABLE_H
#define HOLDFAST_CLI_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#define HF_TABLE_COLUMNS 12

/* Write text without control characters: a caller's name must not be able to
 * move the cursor of the person who looks at it. */
void hf_print_safe(FILE *out, const char *text);
/* The same, in exactly so many cells of the terminal: cut or filled up. */
void hf_print_width(FILE *out, const char *text, int width);

struct hf_table {
	unsigned int columns, rows, at, room;
	const char *title[HF_TABLE_COLUMNS];
	bool right[HF_TABLE_COLUMNS]; /* numbers */
	char **cell;		      /* rows * columns, by row */
	bool failed;		      /* out of memory: rows are missing */
};

/* Titles, NULL-terminated; one that starts with '>' is of a right-aligned
 * column. */
void hf_table_init(struct hf_table *, const char *const *titles);
/* The next cell, row by row; empty text prints as "-". */
void hf_table_add(struct hf_table *, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Print and free. `indent` spaces in front. */
void hf_table_print(struct hf_table *, FILE *out, int indent, bool colour);

#endif
