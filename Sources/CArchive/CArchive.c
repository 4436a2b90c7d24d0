// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CArchive.h"

#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "Decode.h"

/// Private writable memory of this process, in bytes; what RLIMIT_DATA counts (proc(5), statm).
static uint64_t own_memory(void) {
    char text[256];
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t count = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (file >= 0) close(file);
    if (count <= 0) return 0;
    text[count] = 0;
    unsigned long long data = 0;
    if (sscanf(text, "%*s %*s %*s %*s %*s %llu", &data) != 1) return 0;
    return data * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void limit(int resource, uint64_t value) {
    struct rlimit now;
    if (getrlimit(resource, &now) == 0 && now.rlim_max != RLIM_INFINITY && now.rlim_max < value) {
        value = now.rlim_max;
    }
    struct rlimit wanted = {.rlim_cur = value, .rlim_max = value};
    if (setrlimit(resource, &wanted) != 0) _exit(3);
}

static _Noreturn void run(
    int file, int output, int container, uint64_t memory, pid_t parent, struct carchive_report *report
) {
    // It dies with the thread that reads from it, and so it holds no lock of its parent's for long.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(3);
    int quiet = open("/dev/null", O_RDWR);
    // Both are above 2 by then, whatever the parent had closed.
    file = fcntl(file, F_DUPFD, 3);
    output = fcntl(output, F_DUPFD, 3);
    if (file < 0 || output < 0 || quiet < 0) _exit(3);
    if (dup2(file, input_file) < 0 || dup2(output, output_pipe) < 0 || dup2(quiet, 2) < 0) _exit(3);
    if (syscall(SYS_close_range, 3U, ~0U, 0U) != 0) {
        long count = sysconf(_SC_OPEN_MAX);
        for (int each = 3; each < (count > 0 && count < 65536 ? count : 65536); each++) close(each);
    }
    // Names in 7z are UTF-16 and become bytes by the locale.
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL) setlocale(LC_CTYPE, "C.utf8");
    limit(RLIMIT_DATA, own_memory() + memory);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_NOFILE, 0);
    decode(container, report);
}

int carchive_start(int file, int container, uint64_t memory, struct carchive_child *child) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return -1;
    struct carchive_report *report =
        mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED) {
        int code = errno;
        close(ends[0]);
        close(ends[1]);
        errno = code;
        return -1;
    }
    report->outcome = carchive_unknown;
    // More in the pipe, fewer changes from one process to the other.
    fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
    // Handlers of the parent's are not for the child: a signal is told by the parent alone.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) run(file, ends[1], container, memory, parent, report);
    int code = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        munmap(report, sizeof *report);
        errno = code;
        return -1;
    }
    *child = (struct carchive_child){.pid = pid, .output = ends[0], .report = report};
    return 0;
}

int carchive_await(const struct carchive_child *child, int milliseconds) {
    struct pollfd waiting = {.fd = child->output, .events = POLLIN};
    int count = poll(&waiting, 1, milliseconds);
    return count < 0 && errno == EINTR ? 0 : count;
}

int carchive_wait(struct carchive_child *child) {
    if (child->pid <= 0) return 0;
    int status = 0;
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR) {}
    child->pid = 0;
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

void carchive_stop(struct carchive_child *child) {
    if (child->pid > 0) kill(child->pid, SIGKILL);
    carchive_wait(child);
    if (child->output >= 0) close(child->output);
    child->output = -1;
    if (child->report != NULL) munmap(child->report, sizeof *child->report);
    child->report = NULL;
}

const char *carchive_version(void) { return archive_version_string(); }
const char *carchive_details(void) { return archive_version_details(); }
