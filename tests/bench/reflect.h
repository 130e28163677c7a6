/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The floor that both benches of the data path compare with: a packet goes back
 * where it came from, with nothing done but that. Needs 14 bytes.
 */
#ifndef HF_BENCH_REFLECT_H
#define HF_BENCH_REFLECT_H

#include "wire.h"

static __always_inline int bench_send_back(void *data)
{
	__u32 a = HF_W32(data, 0), c = HF_W32(data, 6);
	__u16 b = HF_W16(data, 4), d = HF_W16(data, 10);

	HF_W32(data, 0) = c;
	HF_W16(data, 4) = d;
	HF_W32(data, 6) = a;
	HF_W16(data, 10) = b;
	return XDP_TX;
}

#endif
