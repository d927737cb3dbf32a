/* SPDX-License-Identifier: BSD-3-Clause */
/* See sift.h. */
#include <errno.h>
#include "helper/sift.h"

struct sift {
	bpfprobe_takes *takes;
	void *context;
	unsigned int *attempts;
};

static void
swap(struct bpfprobe_target *a, struct bpfprobe_target *b)
{
	struct bpfprobe_target other = *a;

	*a = *b;
	*b = other;
}

/* As bpfprobe_sift(); of what is known to be refused as a whole only the halves are tried. */
static unsigned int
sift(struct sift *s, struct bpfprobe_target *targets, unsigned int count, int refused)
{
	unsigned int half = count / 2, front, back, i;
	int err;

	if (!refused) {
		if (count == 0 || *s->attempts == 0)
			return 0;
		--*s->attempts;
		err = s->takes(targets, count, s->context);
		if (err == 0)
			return count;
		if (err == -EOPNOTSUPP)
			*s->attempts = 0;
	}
	if (count <= 1)
		return 0;
	front = sift(s, targets, half, 0);
	back = sift(s, targets + half, count - half, front == half);
	for (i = 0; i < back && front + i < half; i++)
		swap(&targets[front + i], &targets[half + back - 1 - i]);
	return front + back;
}

unsigned int
bpfprobe_sift(struct bpfprobe_target *targets, unsigned int count, bpfprobe_takes *takes,
    void *context, unsigned int *attempts)
{
	struct sift s = { takes, context, attempts };

	return sift(&s, targets, count, 0);
}
