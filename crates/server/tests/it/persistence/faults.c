/* Loaded before libc (LD_PRELOAD), this makes a disk fail on request. The file that FAULTS names says how, in one word, and is
 * looked at with every call:
 *
 *   enospc  there is no room: nothing is created, nothing grows
 *   erofs   nothing can be written any more
 *   eio     what was written does not get to the disk
 *
 * Only files whose path contains what FAULTS_IN says are concerned. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* By system calls of our own: what libc offers for it comes by here. */
static int is_said(const char *fault)
{
    char word[16] = "";
    const char *path = getenv("FAULTS");
    if (path == NULL)
        return 0;
    long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    syscall(SYS_read, fd, word, sizeof word - 1);
    syscall(SYS_close, fd);
    return strncmp(word, fault, strlen(fault)) == 0;
}

static int concerns_path(const char *path)
{
    const char *part = getenv("FAULTS_IN");
    return part != NULL && strstr(path, part) != NULL;
}

static int concerns(int fd)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return concerns_path(path);
}

static int fails(int fd, const char *fault, int error)
{
    if (!is_said(fault) || !concerns(fd))
        return 0;
    errno = error;
    return 1;
}

/* Room that was allocated before may still be written to. */
static int has_no_room(int fd, off_t end)
{
    struct stat found;
    if (!is_said("enospc") || !concerns(fd) || (fstat(fd, &found) == 0 && end <= found.st_size))
        return 0;
    errno = ENOSPC;
    return 1;
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    if (fails(fd, "erofs", EROFS) || fails(fd, "enospc", ENOSPC))
        return -1;
    ssize_t (*next)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    return next(fd, bytes, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset)
{
    if (fails(fd, "erofs", EROFS) || has_no_room(fd, offset + (off_t)count))
        return -1;
    ssize_t (*next)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
    return next(fd, bytes, count, offset);
}

int fsync(int fd)
{
    if (fails(fd, "eio", EIO))
        return -1;
    int (*next)(int) = dlsym(RTLD_NEXT, "fsync");
    return next(fd);
}

int fdatasync(int fd)
{
    if (fails(fd, "eio", EIO))
        return -1;
    int (*next)(int) = dlsym(RTLD_NEXT, "fdatasync");
    return next(fd);
}

int open64(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list rest;
        va_start(rest, flags);
        mode = va_arg(rest, mode_t);
        va_end(rest);
        if (concerns_path(path) && (is_said("enospc") || is_said("erofs"))) {
            errno = is_said("enospc") ? ENOSPC : EROFS;
            return -1;
        }
    }
    int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, "open64");
    return next(path, flags, mode);
}
