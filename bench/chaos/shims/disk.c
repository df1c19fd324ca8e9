/* A disk that misbehaves when told to, for one process: stands before libc's write and fsync (LD_PRELOAD).
 *
 * What it is told, and what it did, lies in a file of eight-byte numbers that the bench maps as well (CARDKEEP_DISK):
 * bench/chaos/disk.py has the same list. Only regular files are concerned; sockets are left alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATH_BYTES 3072

struct orders {
    volatile int64_t sync_delay_us; /* each sync takes so much longer */
    volatile int64_t syncs_fail;    /* 1: syncs answer EIO */
    volatile int64_t is_full;       /* 1: nothing more can be written */
    volatile int64_t lose_unsynced; /* 1: at the next start, the journal ends where it was last synced */
    volatile int64_t delayed, failed, refused; /* how often that was done */
    volatile int64_t synced_bytes;             /* of the journal's last file, on disk for certain */
    volatile int64_t lost_bytes, losses;       /* by lose_unsynced: bytes, and how often */
    char journal[PATH_BYTES];                  /* which file that is */
};

static struct orders *orders;
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_fdatasync)(int);
static int (*real_fsync)(int);

static void lose_unsynced(void) {
    struct stat found;
    if (stat(orders->journal, &found) == 0 && found.st_size > orders->synced_bytes) {
        orders->lost_bytes += found.st_size - orders->synced_bytes;
        if (truncate(orders->journal, orders->synced_bytes) != 0) abort();
    }
    orders->losses += 1;
    orders->lose_unsynced = 0;
}

__attribute__((constructor)) static void begin(void) {
    real_write = dlsym(RTLD_NEXT, "write");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    const char *path = getenv("CARDKEEP_DISK");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *mapped = mmap(NULL, sizeof(struct orders), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (mapped == MAP_FAILED) return;
    orders = mapped;
    if (orders->lose_unsynced) lose_unsynced();
}

static int is_file(int fd) {
    struct stat found;
    return fstat(fd, &found) == 0 && S_ISREG(found.st_mode);
}

ssize_t write(int fd, const void *bytes, size_t size) {
    if (orders && orders->is_full && is_file(fd)) {
        /* The first write that finds no room is torn, as on a real disk. */
        if (__sync_fetch_and_add(&orders->refused, 1) == 0 && size > 1) return real_write(fd, bytes, size / 2);
        errno = ENOSPC;
        return -1;
    }
    return real_write(fd, bytes, size);
}

/* Of the journal's last file: its name and, before it is synced, its length. 0 of any other. */
static int64_t journal_bytes(int fd, char *name) {
    char link[64];
    struct stat found;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, name, PATH_BYTES - 1);
    if (length < 0) return 0;
    name[length] = 0;
    return strstr(name, ".incr.aof") && fstat(fd, &found) == 0 ? found.st_size : 0;
}

static int synced(int fd, int (*real)(int)) {
    char name[PATH_BYTES];
    if (!orders || !is_file(fd)) return real(fd);
    int64_t bytes = journal_bytes(fd, name);
    int64_t delay_us = orders->sync_delay_us;
    if (delay_us) {
        struct timespec rest = {delay_us / 1000000, delay_us % 1000000 * 1000};
        nanosleep(&rest, NULL);
        __sync_fetch_and_add(&orders->delayed, 1);
    }
    if (orders->syncs_fail) {
        __sync_fetch_and_add(&orders->failed, 1);
        errno = EIO;
        return -1;
    }
    int result = real(fd);
    if (result == 0 && bytes) {
        if (strcmp(orders->journal, name)) strcpy(orders->journal, name);
        orders->synced_bytes = bytes;
    }
    return result;
}

int fdatasync(int fd) { return synced(fd, real_fdatasync); }
int fsync(int fd) { return synced(fd, real_fsync); }
