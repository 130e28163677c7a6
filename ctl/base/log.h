/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Logging to standard error, one line a message, with the syslog level in front
 * ("<4>") when a journal reads it. A function either logs or returns an error,
 * never both.
 */
#ifndef HOLDFAST_BASE_LOG_H
#define HOLDFAST_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum hf_log_level { HF_LOG_ERROR = 3, HF_LOG_WARN = 4, HF_LOG_INFO = 6, HF_LOG_DEBUG = 7 };

void hf_log_open(const char *program, enum hf_log_level most_verbose);
void hf_log(enum hf_log_level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define hf_error(...) hf_log(HF_LOG_ERROR, __VA_ARGS__)
#define hf_warn(...) hf_log(HF_LOG_WARN, __VA_ARGS__)
#define hf_info(...) hf_log(HF_LOG_INFO, __VA_ARGS__)
#define hf_debug(...) hf_log(HF_LOG_DEBUG, __VA_ARGS__)

#endif
