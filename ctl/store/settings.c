// SPDX-License-Identifier: GPL-2.0-or-later
/* Settings that were changed at run time: a name and a value. */
#include <errno.h>

#include "../base/log.h"
#include "internal.h"

int hf_setting_write(struct hf_rows *rows, const struct hf_op *op)
{
	sqlite3_stmt *s = op->drop ? rows->drop_setting : rows->put_setting;

	sqlite3_bind_text(s, 1, op->setting.name, -1, SQLITE_STATIC);
	if (!op->drop)
		sqlite3_bind_text(s, 2, op->setting.value, -1, SQLITE_STATIC);
	return hf_row_run(s);
}

int hf_store_each_setting(struct hf_store *s,
			  void (*fn)(void *arg, const char *name,
				     const char *value),
			  void *arg)
{
	sqlite3_stmt *st = NULL;
	int r = sqlite3_prepare_v2(
		s->db, "SELECT name, value FROM setting ORDER BY name", -1, &st,
		NULL);

	while (!r && (r = sqlite3_step(st)) == SQLITE_ROW) {
		fn(arg, (const char *)sqlite3_column_text(st, 0),
		   (const char *)sqlite3_column_text(st, 1));
		r = SQLITE_OK;
	}
	sqlite3_finalize(st);
	if (r == SQLITE_DONE)
		return 0;
	hf_error("journal: %s: %s", s->path, sqlite3_errmsg(s->db));
	return -EIO;
}
