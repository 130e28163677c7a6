// SPDX-License-Identifier: GPL-2.0-or-later
/* The tool's frame; all it does is in ctl/cli. */
#include <langinfo.h>
#include <locale.h>
#include <string.h>

#include "cli/cli.h"

int main(int argc, char **argv)
{
	/* Names are UTF-8 whatever sudo or cron left of the environment. */
	setlocale(LC_CTYPE, "");
	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8");
	return hf_cli_run(argc, argv, stdout, stderr);
}
