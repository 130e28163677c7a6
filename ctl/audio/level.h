/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How loud a sound is, and making it as loud as wanted. */
#ifndef HOLDFAST_AUDIO_LEVEL_H
#define HOLDFAST_AUDIO_LEVEL_H

#include "file.h"

/* RMS of its sounding parts in dB against full scale; -200 for silence. */
double hf_level_measure(const struct hf_sound *);
/* To that loudness, by at most 40 dB up; peaks stay below -1.5 dB. */
int hf_level_set(struct hf_sound *, double db);
/* Rise from silence and fall to it, each in `ms`. */
void hf_level_ends(struct hf_sound *, unsigned int ms);

#endif
