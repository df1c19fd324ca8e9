/* A wall clock that is wrong in chosen processes: stands before libc's clock_gettime (LD_PRELOAD).
 *
 * Which processes, and by how much, lies in a file of eight-byte numbers that the bench maps as well
 * (CARDKEEP_CLOCKS): how many pairs there are, then process id and nanoseconds of each. bench/chaos/clocks.py. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAIRS_MAX 16

struct orders {
    volatile int64_t pairs;
    volatile int64_t read_wrong; /* how often somebody was told a wrong time */
    struct {
        volatile int64_t pid, ahead_ns;
    } clock[PAIRS_MAX];
};

static struct orders *orders;
static int (*real_clock_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void) {
    real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    const char *path = getenv("CARDKEEP_CLOCKS");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *mapped = mmap(NULL, sizeof(struct orders), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (mapped != MAP_FAILED) orders = mapped;
}

int clock_gettime(clockid_t which, struct timespec *now) {
    if (!real_clock_gettime) real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real_clock_gettime(which, now);
    if (result != 0 || which != CLOCK_REALTIME || !orders || !orders->pairs) return result;
    int64_t pid = getpid();
    for (int64_t at = 0; at < orders->pairs && at < PAIRS_MAX; at++) {
        if (orders->clock[at].pid != pid) continue;
        int64_t ns = now->tv_sec * 1000000000LL + now->tv_nsec + orders->clock[at].ahead_ns;
        now->tv_sec = ns / 1000000000LL;
        now->tv_nsec = ns % 1000000000LL;
        orders->read_wrong += 1;
    }
    return result;
}
