/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The folder of an instance on the BPF file system. */
#ifndef HOLDFAST_MEDIA_BPFFS_H
#define HOLDFAST_MEDIA_BPFFS_H

#include <stddef.h>

/* Mounts /sys/fs/bpf if need be and makes the folder. */
int hf_bpffs_prepare(const char *instance, char *err, size_t err_len);
/* What is pinned in a folder; folders in it stay. */
void hf_bpffs_empty(const char *folder);
/* Everything pinned there, and the folder: detaches what only a pin held. */
void hf_bpffs_remove(const char *instance);
/* The folder alone, if nothing is pinned there. */
void hf_bpffs_tidy(const char *instance);

#endif
