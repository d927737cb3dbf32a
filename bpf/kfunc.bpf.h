/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Functions of the kernel that programs call.  libbpf finds those that are extern, but only by
 * reading the kernel's whole BTF for each object; the others are helper functions that there
 * are not, in whose place the helper puts the kernel's (helper/core.h).
 */
#ifndef BPFPROBE_KFUNC_BPF_H
#define BPFPROBE_KFUNC_BPF_H

#include "bpf/kernel.bpf.h"
#include "bpf/view.h"
#include <bpf/bpf_helpers.h>

#ifdef BPFPROBE_KSYM
#define KFUNC(result, name, number, ...) extern result name(__VA_ARGS__) __ksym
#else
#define KFUNC(result, name, number, ...)                                                           \
	static result (*const name)(__VA_ARGS__) __attribute__((unused)) = (void *)(number)
#endif

/* To read any memory (6.17, with btf_id 0). */
KFUNC(void *, bpf_rdonly_cast, BPFPROBE_CALL_RDONLY_CAST, const void *obj, __u32 btf_id);

/* Of a packet that the verifier knows (6.12 in tracepoints). */
KFUNC(int, bpf_dynptr_from_skb, BPFPROBE_CALL_DYNPTR_FROM_SKB, struct __sk_buff *skb, __u64 flags,
    struct bpf_dynptr *dynptr);

#undef KFUNC

#endif
