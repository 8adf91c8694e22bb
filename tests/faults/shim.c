/* Makes one system call that changes the disk fail, or ends the process at it.
 *
 * Preloaded (LD_PRELOAD) into a Python process, and armed from there: the calls that change something below one
 * folder are counted, and the one with a given number fails with an error of the system, or the process is killed
 * just before it (KILL) or in its middle (TORN: half of a write, or right after any other call). Linux, glibc.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { COUNT, ERROR, KILL, TORN };

static char root[PATH_MAX];
static size_t root_length;
static long wanted, calls;
static int kind, code;

void fault_arm(const char *folder, long at, int how, int error) {
    strncpy(root, folder, sizeof root - 1);
    root_length = strlen(root);
    wanted = at, kind = how, code = error, calls = 0;
}

long fault_disarm(void) {
    root_length = 0;
    return calls;
}

static int is_below(const char *path) {
    return root_length && !strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]);
}

static int fd_is_below(int fd) {
    char link[64], path[PATH_MAX];
    if (!root_length || fd < 3) return 0;
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
static int hit(int counts) {
    if (!counts || ++calls != wanted) return 0;
    if (kind == KILL) die();
    if (kind == ERROR) errno = code;
    return kind == ERROR ? 1 : kind == TORN ? 2 : 0;
}

#define REAL(name, type, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

#define GUARDED(counts, call) \
    int what = hit(counts); \
    if (what == 1) return -1; \
    __typeof__(call) done = call; \
    if (what == 2) die(); \
    return done

#define WRITES(symbol, half, ...) \
    { int what = hit(fd_is_below(fd)); \
      if (what == 1) return -1; \
      if (what == 2) { half; die(); } \
      return real(__VA_ARGS__); }

ssize_t write(int fd, const void *data, size_t size) {
    REAL("write", ssize_t, int, const void *, size_t);
    WRITES(write, real(fd, data, size / 2), fd, data, size)
}
ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) {
    REAL("pwrite64", ssize_t, int, const void *, size_t, off_t);
    WRITES(pwrite64, real(fd, data, size / 2, at), fd, data, size, at)
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL("writev", ssize_t, int, const struct iovec *, int);
    WRITES(writev, real(fd, parts, count / 2), fd, parts, count)
}
ssize_t sendfile64(int fd, int from, off_t *at, size_t size) {
    REAL("sendfile64", ssize_t, int, int, off_t *, size_t);
    WRITES(sendfile64, real(fd, from, at, size / 2), fd, from, at, size)
}
int ftruncate64(int fd, off_t size) {
    REAL("ftruncate64", int, int, off_t);
    GUARDED(fd_is_below(fd), real(fd, size));
}
int truncate64(const char *path, off_t size) {
    REAL("truncate64", int, const char *, off_t);
    GUARDED(is_below(path), real(path, size));
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
    GUARDED(is_below(path), real(path, mode));
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
int link(const char *from, const char *to) {
    REAL("link", int, const char *, const char *);
    GUARDED(is_below(to), real(from, to));
}
int symlink(const char *from, const char *to) {
    REAL("symlink", int, const char *, const char *);
    GUARDED(is_below(to), real(from, to));
}

static int opens(const char *path, int flags, mode_t mode, int dir, int at) {
    static int (*real)(int, const char *, int, ...);
    if (!real) real = (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat64");
    int changes = flags & (O_CREAT | O_TRUNC);
    GUARDED(changes && (at ? at_is_below(dir, path) : is_below(path)), real(dir, path, flags, mode));
}

#define MODE \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { va_list list; va_start(list, flags); mode = va_arg(list, mode_t); va_end(list); }

int open64(const char *path, int flags, ...) { MODE return opens(path, flags, mode, AT_FDCWD, 0); }
int open(const char *path, int flags, ...) { MODE return opens(path, flags, mode, AT_FDCWD, 0); }
int openat64(int dir, const char *path, int flags, ...) { MODE return opens(path, flags, mode, dir, 1); }
int openat(int dir, const char *path, int flags, ...) { MODE return opens(path, flags, mode, dir, 1); }
