/* Makes one system call that changes the disk fail, or ends the process at it.
 *
 * Preloaded (LD_PRELOAD) into a Python process, and armed from there: the calls that change something below one
 * folder are counted, and the one with a given number fails with an error of the system, or the process is killed
 * just before it (KILL) or in its middle (TORN: half of a write, or right after any other call), or from it on
 * there is no room for anything more (FULL). What is counted
 * stands in a file (FAULT_STATE) that all processes map which are started from there. Linux, glibc.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { COUNT, ERROR, KILL, TORN, FULL };

static struct state {
    char root[PATH_MAX];
    size_t length;
    long wanted, calls, bytes;
    int kind, code;
} own, *state = &own;

__attribute__((constructor)) static void share(void) {
    const char *path = getenv("FAULT_STATE");
    int fd = path ? open(path, O_RDWR) : -1;
    if (fd < 0) return;
    void *shared = mmap(NULL, sizeof *state, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (shared != MAP_FAILED) state = shared;
}

size_t fault_size(void) { return sizeof *state; }

void fault_arm(const char *folder, long at, int how, int error) {
    strncpy(state->root, folder, sizeof state->root - 1);
    state->wanted = at, state->kind = how, state->code = error, state->calls = state->bytes = 0;
    state->length = strlen(state->root);
}

/* Returns how many calls there were, and how many bytes they were to write. */
long fault_disarm(long *bytes) {
    state->length = 0;
    *bytes = state->bytes;
    return state->calls;
}

static int is_below(const char *path) {
    size_t length = state->length;
    return length && !strncmp(path, state->root, length) && (path[length] == '/' || !path[length]);
}

static int fd_is_below(int fd) {
    char link[64], path[PATH_MAX];
    if (!state->length || fd < 3) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_below(path);
}

static int at_is_below(int dir, const char *path) {
    return path[0] == '/' || dir == AT_FDCWD ? is_below(path) : fd_is_below(dir);
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

/* 1 for a call that fails, 2 for one that is torn, 0 for one that goes on. */
static int hit(int counts, int grows) {
    if (!counts) return 0;
    long call = __atomic_add_fetch(&state->calls, 1, __ATOMIC_SEQ_CST);
    if (state->kind == FULL && grows && state->wanted && call >= state->wanted) return errno = ENOSPC, 1;
    if (call != state->wanted) return 0;
    if (state->kind == KILL) die();
    if (state->kind == ERROR) errno = state->code;
    return state->kind == ERROR ? 1 : state->kind == TORN ? 2 : 0;
}

#define REAL(name, type, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

#define GUARDED(counts, call) CHECKED(counts, 0, call)
#define GROWS(counts, call) CHECKED(counts, 1, call)
#define CHECKED(counts, grows, call) \
    int what = hit(counts, grows); \
    if (what == 1) return -1; \
    __typeof__(call) done = call; \
    if (what == 2) die(); \
    return done

#define WRITES(half, size, ...) \
    { int below = fd_is_below(fd), what = hit(below, 1); \
      if (what == 1) return -1; \
      if (what == 2) { half; die(); } \
      if (below) __atomic_add_fetch(&state->bytes, size, __ATOMIC_SEQ_CST); \
      return real(__VA_ARGS__); }

ssize_t write(int fd, const void *data, size_t size) {
    REAL("write", ssize_t, int, const void *, size_t);
    WRITES(real(fd, data, size / 2), size, fd, data, size)
}
ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) {
    REAL("pwrite64", ssize_t, int, const void *, size_t, off_t);
    WRITES(real(fd, data, size / 2, at), size, fd, data, size, at)
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return pwrite64(fd, data, size, at); }
ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL("writev", ssize_t, int, const struct iovec *, int);
    size_t size = 0;
    for (int part = 0; part < count; part++) size += parts[part].iov_len;
    WRITES(real(fd, parts, count / 2), size, fd, parts, count)
}
ssize_t sendfile64(int fd, int from, off_t *at, size_t size) {
    REAL("sendfile64", ssize_t, int, int, off_t *, size_t);
    WRITES(real(fd, from, at, size / 2), size, fd, from, at, size)
}
ssize_t copy_file_range(int from, off_t *from_at, int fd, off_t *at, size_t size, unsigned flags) {
    REAL("copy_file_range", ssize_t, int, off_t *, int, off_t *, size_t, unsigned);
    WRITES(real(from, from_at, fd, at, size / 2, flags), size, from, from_at, fd, at, size, flags)
}
int ftruncate64(int fd, off_t size) {
    REAL("ftruncate64", int, int, off_t);
    GROWS(fd_is_below(fd), real(fd, size));
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }
int truncate64(const char *path, off_t size) {
    REAL("truncate64", int, const char *, off_t);
    GROWS(is_below(path), real(path, size));
}
int fsync(int fd) {
    REAL("fsync", int, int);
    GUARDED(fd_is_below(fd), real(fd));
}
int fdatasync(int fd) {
    REAL("fdatasync", int, int);
    GUARDED(fd_is_below(fd), real(fd));
}
int fchmod(int fd, mode_t mode) {
    REAL("fchmod", int, int, mode_t);
    GUARDED(fd_is_below(fd), real(fd, mode));
}
int chmod(const char *path, mode_t mode) {
    REAL("chmod", int, const char *, mode_t);
    GUARDED(is_below(path), real(path, mode));
}
int mkdir(const char *path, mode_t mode) {
    REAL("mkdir", int, const char *, mode_t);
    GROWS(is_below(path), real(path, mode));
}
int rmdir(const char *path) {
    REAL("rmdir", int, const char *);
    GUARDED(is_below(path), real(path));
}
int unlink(const char *path) {
    REAL("unlink", int, const char *);
    GUARDED(is_below(path), real(path));
}
int unlinkat(int dir, const char *path, int flags) {
    REAL("unlinkat", int, int, const char *, int);
    GUARDED(at_is_below(dir, path), real(dir, path, flags));
}
int rename(const char *from, const char *to) {
    REAL("rename", int, const char *, const char *);
    GUARDED(is_below(from) || is_below(to), real(from, to));
}
int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
    REAL("renameat2", int, int, const char *, int, const char *, unsigned);
    GUARDED(is_below(from) || is_below(to), real(from_dir, from, to_dir, to, flags));
}
int renameat(int from_dir, const char *from, int to_dir, const char *to) {
    REAL("renameat", int, int, const char *, int, const char *);
    GUARDED(at_is_below(from_dir, from) || at_is_below(to_dir, to), real(from_dir, from, to_dir, to));
}
int mkdirat(int dir, const char *path, mode_t mode) {
    REAL("mkdirat", int, int, const char *, mode_t);
    GROWS(at_is_below(dir, path), real(dir, path, mode));
}
int link(const char *from, const char *to) {
    REAL("link", int, const char *, const char *);
    GROWS(is_below(to), real(from, to));
}
int symlink(const char *from, const char *to) {
    REAL("symlink", int, const char *, const char *);
    GROWS(is_below(to), real(from, to));
}

static int opens(const char *path, int flags, mode_t mode, int dir, int at) {
    static int (*real)(int, const char *, int, ...);
    if (!real) real = (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat64");
    int changes = flags & (O_CREAT | O_TRUNC);
    GROWS(changes && (at ? at_is_below(dir, path) : is_below(path)), real(dir, path, flags, mode));
}

#define MODE \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { va_list list; va_start(list, flags); mode = va_arg(list, mode_t); va_end(list); }

int open64(const char *path, int flags, ...) { MODE return opens(path, flags, mode, AT_FDCWD, 0); }
int open(const char *path, int flags, ...) { MODE return opens(path, flags, mode, AT_FDCWD, 0); }
int openat64(int dir, const char *path, int flags, ...) { MODE return opens(path, flags, mode, dir, 1); }
int openat(int dir, const char *path, int flags, ...) { MODE return opens(path, flags, mode, dir, 1); }
