/*
 * Loaded before the C library (LD_PRELOAD): calls on files whose path matches a pattern fail, or stop the process,
 * as a control file says that may change while the process runs. `fault-switch.ts` writes it; the layout is there.
 *
 * It follows a process into what it runs: a new program inherits the library, and the control file by its open
 * descriptor, since a sandbox may not let it open files. Which part of the collector a process is, its command line
 * tells.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { collector = 1, engine = 2 };
enum { failing = 0, stopping = 1, halving = 2 };
enum { of_open = 1, of_write = 2, of_sync = 4, of_rename = 8, of_link = 16, of_remove = 32, of_truncate = 64, of_make = 128 };

struct control {
  _Atomic uint32_t armed;
  uint32_t processes, calls, error, action;
  uint32_t skipped;   /* matching calls to let pass first */
  uint32_t hits_max;  /* and how many to hit then */
  uint32_t per_million; /* of those, by chance */
  uint64_t seed;
  _Atomic uint32_t matched, hits;
  char pattern[256], except[256];
  char last[512];
};

static struct control *control;
static int control_fd = -1;
static uint32_t role;
static char library[PATH_MAX], named[PATH_MAX];

/* The C library's own, found once. */
#define REAL(name) REAL_AS(__typeof__(&name), #name)
#define REAL_AS(type, name)                                    \
  ({                                                           \
    static __typeof__(type) found;                             \
    if (found == NULL) *(void **)&found = dlsym(RTLD_NEXT, name); \
    found;                                                     \
  })

static uint32_t role_of_this_process(void) {
  char line[4096];
  int fd = REAL(open)("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t bytes = read(fd, line, sizeof line - 1);
  close(fd);
  for (ssize_t i = 0; i < bytes; i++) if (line[i] == 0) line[i] = ' ';
  line[bytes < 0 ? 0 : bytes] = 0;
  if (strstr(line, "engine-main") || strstr(line, "launcher-main")) return engine;
  return strstr(line, "main.js") ? collector : 0;
}

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("TIDEMARK_TEST_FAULTS"), *inherited = getenv("TIDEMARK_TEST_FAULTS_FD");
  const char *preload = getenv("LD_PRELOAD");
  if (path == NULL || preload == NULL) return;
  snprintf(library, sizeof library, "LD_PRELOAD=%s", preload);
  snprintf(named, sizeof named, "TIDEMARK_TEST_FAULTS=%s", path);
  struct stat found;
  if (inherited != NULL && fstat(atoi(inherited), &found) == 0 && found.st_size == sizeof(struct control))
    control_fd = atoi(inherited);
  else {
    int fd = REAL(open)(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    /* Out of the way of descriptors that are given numbers. */
    control_fd = fcntl(fd, F_DUPFD_CLOEXEC, 200);
    close(fd);
  }
  void *mapped = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, control_fd, 0);
  if (mapped == MAP_FAILED) return;
  role = role_of_this_process();
  control = mapped;
}

static int matches(const char *pattern, const char *path) {
  char one[256];
  while (*pattern) {
    size_t length = strcspn(pattern, "|");
    if (length > 0 && length < sizeof one) {
      memcpy(one, pattern, length);
      one[length] = 0;
      if (fnmatch(one, path, 0) == 0) return 1;
    }
    pattern += length + (pattern[length] == '|');
  }
  return 0;
}

/* 0: go on; 1: fail with errno set; 2: half of it. */
static int struck(uint32_t call, const char *path) {
  if (control == NULL || !atomic_load(&control->armed)) return 0;
  if (!(control->processes & role) || !(control->calls & call) || path == NULL) return 0;
  if (!matches(control->pattern, path) || matches(control->except, path)) return 0;
  uint32_t place = atomic_fetch_add(&control->matched, 1);
  if (place < control->skipped) return 0;
  if (control->per_million < 1000000) {
    uint64_t mixed = (control->seed ^ (place + 1)) * 0x9E3779B97F4A7C15ull;
    mixed = (mixed ^ (mixed >> 29)) * 0xBF58476D1CE4E5B9ull;
    if ((mixed >> 32) % 1000000 >= control->per_million) return 0;
  }
  if (atomic_fetch_add(&control->hits, 1) >= control->hits_max) return 0;
  snprintf(control->last, sizeof control->last, "%s", path);
  if (control->action == stopping) {
    kill(getpid(), SIGSTOP);
    return 0;
  }
  errno = (int)control->error;
  return control->action == halving && call == of_write ? 2 : 1;
}

static int struck_at(uint32_t call, int fd) {
  if (control == NULL || !atomic_load(&control->armed)) return 0;
  if (!(control->processes & role) || !(control->calls & call)) return 0;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  int saved = errno, answer = struck(call, path);
  if (answer == 0) errno = saved;
  return answer;
}

/* ── what is replaced ────────────────────────────────────────────────────────────────────────────────────────── */

#define OPEN(name)                                                                  \
  int name(const char *path, int flags, ...) {                                      \
    va_list rest;                                                                   \
    va_start(rest, flags);                                                          \
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;       \
    va_end(rest);                                                                   \
    if (struck(of_open, path)) return -1;                                           \
    return REAL_AS(int (*)(const char *, int, ...), #name)(path, flags, mode);      \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                \
  int name(int at, const char *path, int flags, ...) {                              \
    va_list rest;                                                                   \
    va_start(rest, flags);                                                          \
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;       \
    va_end(rest);                                                                   \
    if (struck(of_open, path)) return -1;                                           \
    return REAL_AS(int (*)(int, const char *, int, ...), #name)(at, path, flags, mode); \
  }
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int fd, const void *data, size_t bytes) {
  int how = struck_at(of_write, fd);
  if (how == 1 || (how == 2 && bytes < 2)) return -1;
  return REAL(write)(fd, data, how == 2 ? bytes / 2 : bytes);
}
ssize_t pwrite(int fd, const void *data, size_t bytes, off_t at) {
  int how = struck_at(of_write, fd);
  if (how == 1 || (how == 2 && bytes < 2)) return -1;
  return REAL(pwrite)(fd, data, how == 2 ? bytes / 2 : bytes, at);
}
ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t at) {
  int how = struck_at(of_write, fd);
  if (how == 1 || (how == 2 && bytes < 2)) return -1;
  return REAL(pwrite64)(fd, data, how == 2 ? bytes / 2 : bytes, at);
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
  return struck_at(of_write, fd) ? -1 : REAL(writev)(fd, parts, count);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
  return struck_at(of_write, fd) ? -1 : REAL(pwritev)(fd, parts, count, at);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
  return struck_at(of_write, fd) ? -1 : REAL(pwritev64)(fd, parts, count, at);
}
int fsync(int fd) { return struck_at(of_sync, fd) ? -1 : REAL(fsync)(fd); }
int fdatasync(int fd) { return struck_at(of_sync, fd) ? -1 : REAL(fdatasync)(fd); }
int ftruncate(int fd, off_t bytes) { return struck_at(of_truncate, fd) ? -1 : REAL(ftruncate)(fd, bytes); }
int ftruncate64(int fd, off64_t bytes) { return struck_at(of_truncate, fd) ? -1 : REAL(ftruncate64)(fd, bytes); }
int rename(const char *from, const char *to) { return struck(of_rename, to) ? -1 : REAL(rename)(from, to); }
int renameat(int from_at, const char *from, int to_at, const char *to) {
  return struck(of_rename, to) ? -1 : REAL(renameat)(from_at, from, to_at, to);
}
int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
  return struck(of_rename, to) ? -1 : REAL(renameat2)(from_at, from, to_at, to, flags);
}
int link(const char *from, const char *to) { return struck(of_link, to) ? -1 : REAL(link)(from, to); }
int unlink(const char *path) { return struck(of_remove, path) ? -1 : REAL(unlink)(path); }
int rmdir(const char *path) { return struck(of_remove, path) ? -1 : REAL(rmdir)(path); }
int mkdir(const char *path, mode_t mode) { return struck(of_make, path) ? -1 : REAL(mkdir)(path, mode); }

/* renameat2 is called by its number in the engine. */
long syscall(long number, ...) {
  va_list rest;
  va_start(rest, number);
  long a[6];
  for (int i = 0; i < 6; i++) a[i] = va_arg(rest, long);
  va_end(rest);
#ifdef __x86_64__
  enum { renameat2_number = 316 };
#else
  enum { renameat2_number = 276 };
#endif
  if (number == renameat2_number && struck(of_rename, (const char *)a[3])) return -1;
  return REAL_AS(long (*)(long, ...), "syscall")(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* ── into the next program ───────────────────────────────────────────────────────────────────────────────────── */

static char descriptor_named[64];
static char **with_library(char *const environment[], char **room, size_t places) {
  size_t count = 0;
  for (char *const *each = environment; *each != NULL && count < places - 4; each++) {
    if (strncmp(*each, "LD_PRELOAD=", 11) == 0 || strncmp(*each, "TIDEMARK_TEST_FAULTS", 20) == 0) continue;
    room[count++] = *each;
  }
  snprintf(descriptor_named, sizeof descriptor_named, "TIDEMARK_TEST_FAULTS_FD=%d", control_fd);
  fcntl(control_fd, F_SETFD, 0);
  room[count++] = library;
  room[count++] = named;
  room[count++] = descriptor_named;
  room[count] = NULL;
  return room;
}

extern char **environ;
int execve(const char *path, char *const words[], char *const environment[]) {
  char *room[512];
  if (control == NULL) return REAL(execve)(path, words, environment);
  return REAL(execve)(path, words, with_library(environment, room, 512));
}
int execvp(const char *file, char *const words[]) {
  char *room[512];
  if (control == NULL) return REAL(execvp)(file, words);
  return REAL(execvpe)(file, words, with_library(environ, room, 512));
}
int execvpe(const char *file, char *const words[], char *const environment[]) {
  char *room[512];
  if (control == NULL) return REAL(execvpe)(file, words, environment);
  return REAL(execvpe)(file, words, with_library(environment, room, 512));
}
