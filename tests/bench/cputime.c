// SPDX-License-Identifier: BSD-3-Clause
/* cputime PID: the processor time of a running process, user and system, in ns. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
	struct timespec ts;
	clockid_t id;

	if (argc != 2 || clock_getcpuclockid(atoi(argv[1]), &id) != 0 ||
	    clock_gettime(id, &ts) < 0) {
		fputs("usage: cputime PID    (of a running process)\n", stderr);
		return 2;
	}
	printf("%lld\n", (long long)ts.tv_sec * 1000000000 + ts.tv_nsec);
	return 0;
}
