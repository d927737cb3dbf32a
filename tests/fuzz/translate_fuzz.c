/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: the translator against libpcap's bpf_filter(), by whatever filters,
 * packets and views the fuzzer makes.  A filter is refused with a reason, or its
 * translation is one that the verifier may take, and gives the verdict.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "helper/translate.h"
#include "tests/fuzz/model.h"
#include "tests/unit/ebpf.h"
#include "tests/unit/reference.h"

/* More than the instructions that any one of a filter becomes. */
#define INSNS_EACH 40
#define JUMP_MAX 32767

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct trial *current;
static struct sigaction before;
static int caught;

/* Whoever has found something, the interpreter, a sanitizer or we: say on what; the rest is libFuzzer's. */
static void
on_abort(int sig, siginfo_t *info, void *context)
{
	if (current != NULL)
		trial_print(current);
	if ((before.sa_flags & SA_SIGINFO) && before.sa_sigaction != NULL)
		before.sa_sigaction(sig, info, context);
}

static void
catch_abort(void)
{
	struct sigaction action;

	caught = 1;
	memset(&action, 0, sizeof(action));
	action.sa_sigaction = on_abort;
	action.sa_flags = SA_SIGINFO;
	sigaction(SIGABRT, &action, &before);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	/* The interpreter's assertions are cmocka's; here they are to abort. */
	return setenv("CMOCKA_TEST_ABORT", "1", 1);
}

static void __attribute__((format(printf, 1, 2), noreturn))
fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("translate_fuzz: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	abort();
}

/* Whether the filter is so long that its jumps may be. */
static int
is_long(const struct trial *trial)
{
	unsigned int copies = model_jumps_back(trial) ? BPFPROBE_LOOPS_MAX + 1 : 1;

	return trial->count * copies * INSNS_EACH > JUMP_MAX;
}

/* A filter that libpcap executes is refused for these reasons only. */
static void
check_refusal(const struct trial *trial, const char *why, size_t size)
{
	if (memchr(why, '\0', size) == NULL || *why == '\0' || strchr(why, '\n') != NULL)
		fail("refused without one line that says why");
	if (trial->count > BPFPROBE_FILTER_MAX || !reference_is_valid(trial->filter, trial->count) ||
	    !model_has(trial))
		return;
	if (strncmp(why, "the filter shifts by ", 21) == 0 ||
	    strncmp(why, "the filter loads ancillary data ", 32) == 0)
		return;
	if (strncmp(why, "the filter is too long for the kernel: ", 39) == 0 && is_long(trial))
		return;
	fail("refused, but libpcap has it: %s", why);
}

/* What can be seen without a packet. */
static void
check_translation(const struct trial *trial, const struct bpfprobe_translation *translation)
{
	unsigned int at;
	const char *flaw = ebpf_flaw(translation->insns, translation->count, &at);

	if (flaw != NULL)
		fail("instruction %u of %u of the translation: %s", at, translation->count, flaw);
	if (translation->window < trial->hdrlen_max || translation->window > BPFPROBE_WINDOW_MAX)
		fail("a window of %u bytes", translation->window);
	if (trial->count > BPFPROBE_FILTER_MAX || !reference_is_valid(trial->filter, trial->count))
		fail("translated, but libpcap finds it not valid");
}

/* The window has only the link header. */
static int
is_direct(const struct trial *trial)
{
	return (trial->reads & (BPFPROBE_READS_DIRECT | BPFPROBE_READS_PACKET)) != 0;
}

/* As a program in the kernel makes it. */
static void
make_packet(struct ebpf_packet *packet, const struct trial *trial, unsigned int window)
{
	unsigned int avail = trial->view.linear;

	if (avail > trial->view.limit)
		avail = trial->view.limit;
	if (is_direct(trial))
		window = trial->view.hdrlen; /* nothing else is in there */
	else if (avail > window)
		avail = window;
	avail = avail - trial->view.hdrlen > trial->short_of ? avail - trial->short_of : trial->view.hdrlen;
	ebpf_packet(packet, trial->bytes, trial->len, trial->view.hdrlen, window, avail);
	if (trial->reads & BPFPROBE_READS_PACKET)
		ebpf_packet_pointers(packet, trial->view.linear);
	packet->view.len = trial->view.len;
	packet->view.limit = trial->view.limit;
	packet->view.linear = packet->readable = trial->view.linear;
	packet->view.protocol = trial->view.protocol;
	packet->view.pkttype = trial->view.pkttype;
	packet->view.ifindex = trial->view.ifindex;
	packet->view.hatype = trial->view.hatype;
	packet->splits = trial->splits;
}

/* Whether loads whose offset the packet says are left to the load function in any case. */
static int
leaves_indirect(const struct trial *trial)
{
	unsigned int i;

	if (trial->reads != 0 && !model_jumps_back(trial))
		return 0;
	for (i = 0; i < trial->count; i++) {
		if (BPF_CLASS(trial->filter[i].code) == BPF_LD && BPF_MODE(trial->filter[i].code) == BPF_IND)
			return 1;
	}
	return 0;
}

/*
 * When a packet may be undecided, other than after too many jumps back: for a load
 * within the limit
 *   - that ends behind the linear part: bpf_filter(), too, comes to such a load;
 *   - that begins in the header and ends behind it, which the load function cannot
 *     read, if it is not read from the window: with direct reads, beyond avail, at an
 *     offset for which the kernel has no variable reads, or if the filter comes to a
 *     load beyond avail, and so began again with calls for all of them.
 * With all bytes in the linear part, and no header in front, that is never.
 */
static int
may_be_undecided(const struct trial *trial, const struct ebpf_packet *packet, const struct model *model)
{
	if (packet->undecided > packet->view.linear)
		return !model->returns_linear;
	return is_direct(trial) || packet->undecided > packet->view.avail ||
	       leaves_indirect(trial) || !model->returns_avail;
}

static void
check_verdict(const struct trial *trial, const struct ebpf_packet *packet, int64_t verdict)
{
	struct model model;
	int64_t want;

	model_run(&model, trial, packet->view.avail);
	want = packet->undecided || model.loops ? BPFPROBE_UNDECIDED : (int64_t)model.verdict;
	if (verdict != want)
		fail("avail %u: %lld, not %lld", packet->view.avail, (long long)verdict, (long long)want);
	if (packet->undecided && !may_be_undecided(trial, packet, &model))
		fail("avail %u: undecided, but the bytes up to %llu can be read", packet->view.avail,
		    (unsigned long long)packet->undecided);
	if (verdict != BPFPROBE_UNDECIDED && model.returns && !model.returns_linear)
		fail("avail %u: decides what it cannot", packet->view.avail);
}

static void
run_translation(const struct trial *trial, const struct bpfprobe_translation *translation)
{
	struct ebpf_packet packet;
	int64_t verdict;

	make_packet(&packet, trial, translation->window);
	verdict = ebpf_run(translation->insns, translation->count, &packet);
	if (verdict != BPFPROBE_UNDECIDED && (verdict < 0 || verdict > UINT32_MAX))
		fail("not a verdict: %lld", (long long)verdict);
	if (translation->constant && packet.looks > 0)
		fail("constant, but it looks at the packet");
	if (model_has(trial))
		check_verdict(trial, &packet, verdict);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bpfprobe_translation translation;
	struct trial trial;
	char why[BPFPROBE_MESSAGE_MAX];

	if (!caught)
		catch_abort(); /* in front of libFuzzer's own */
	if (size == 0 || trial_make(&trial, data, size) < 0)
		return 0;
	current = &trial;
	memset(why, 'x', sizeof(why));
	if (bpfprobe_translate(&translation, trial.filter, trial.count, trial.reads, trial.hdrlen_min,
	        trial.hdrlen_max, why, sizeof(why)) < 0) {
		check_refusal(&trial, why, sizeof(why));
	} else {
		check_translation(&trial, &translation);
		run_translation(&trial, &translation);
		free(translation.insns);
	}
	current = NULL;
	trial_free(&trial);
	return 0;
}
