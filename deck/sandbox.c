#include "sandbox.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void complain(const char *what, int error)
{
    (void)fprintf(stderr, "mast-deck: sandbox: %s: %s\n", what, strerror(error));
}

/* ---- limits ---- */

/* No descriptor is opened any more; those that are open stay. */
static void limit(void)
{
    static const int kinds[] = {RLIMIT_CORE, RLIMIT_FSIZE, RLIMIT_NOFILE};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct rlimit none = {0, 0};
        if (setrlimit((__rlimit_resource_t)kinds[i], &none) != 0)
            complain("limit", errno);
    }
    /* What is said on stderr is lost where that is a file, not deadly. */
    (void)signal(SIGXFSZ, SIG_IGN);
}

/* ---- Landlock: no file, no address, no signal out of here ---- */

/* As <linux/landlock.h> of the newest kernel has it; ours may be older than the one that runs. */
struct landlock_rules {
    uint64_t files, addresses, scopes;
};

#define LANDLOCK_ASK_VERSION 1u

static void close_files(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_ASK_VERSION);
    if (version < 1) {
        complain("no Landlock here", errno);
        return;
    }
    static const unsigned file_bits[] = {0, 13, 14, 15, 15, 16}; /* by version */
    unsigned bits = file_bits[version < 5 ? version : 5];
    struct landlock_rules rules = {.files = (UINT64_C(1) << bits) - 1};
    size_t size = sizeof(rules.files);
    if (version >= 4) {
        rules.addresses = 3; /* TCP: bind, connect */
        size += sizeof(rules.addresses);
    }
    if (version >= 6) {
        rules.scopes = 3; /* abstract Unix sockets, signals */
        size += sizeof(rules.scopes);
    }
    int fd = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0u);
    if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0u) != 0)
        complain("Landlock", errno);
    if (fd >= 0)
        (void)close(fd);
}

/* ---- seccomp ---- */

static const int allowed[] = {
    /* the station */
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(close),
    /* memory */
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
    /* threads */
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_yield),
    SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(sched_getaffinity),
    /* time, chance, signals, the end */
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday), SCMP_SYS(getrandom), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall), SCMP_SYS(exit),
    SCMP_SYS(exit_group)};

/* Calls of which only a part is allowed. glibc takes clone() where there is no clone3(), whose flags
 * a filter cannot see. */
static int add_partial_rules(scmp_filter_ctx filter)
{
    int result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                                  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                                  SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    if (result == 0) /* abort() */
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                                  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
    return result;
}

static void close_calls(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter) {
        complain("seccomp", ENOMEM);
        return;
    }
    int result = 0;
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]) && result == 0; i++)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
    if (result == 0)
        result = add_partial_rules(filter);
    if (result == 0)
        result = seccomp_load(filter);
    if (result != 0)
        complain("seccomp", -result);
    seccomp_release(filter);
}

void sandbox_enter(void)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        complain("no_new_privs", errno);
    close_files();
    limit();
    close_calls();
}

/* ---- the proof ---- */

/* Each tries one thing and returns below 0 when it was refused, with errno set. */

static long try_open(void)
{
    return open("/etc/hostname", O_RDONLY | O_CLOEXEC);
}

static long try_create(void)
{
    return open("/tmp", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
}

static long try_socket(void)
{
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* No descriptor is needed to see whether the call itself is let through: that would be EBADF. */
static long try_connect(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(80)};
    return connect(-1, (const struct sockaddr *)&to, sizeof(to)) < 0 && errno != EBADF ? -1 : 0;
}

static long try_fork(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    if (child > 0)
        (void)waitpid(child, NULL, 0);
    return child;
}

static long try_execve(void)
{
    char *const args[] = {(char *)"true", NULL}, *const environment[] = {NULL};
    return execve("/bin/true", args, environment);
}

static long try_ptrace(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static long try_kill(void)
{
    return kill(getppid(), 0);
}

static long try_map(void)
{
    void *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? -1 : 0;
}

static long try_protect(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? 0 : mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static void *count_up(void *number)
{
    ++*(int *)number;
    return NULL;
}

static bool can_thread(void)
{
    pthread_t thread;
    int number = 0;
    return pthread_create(&thread, NULL, count_up, &number) == 0 &&
           pthread_join(thread, NULL) == 0 && number == 1;
}

/* Runs in the sandbox; says each result on stdout. */
static bool prove(void)
{
    static const struct {
        const char *name;
        long (*attempt)(void);
    } attempts[] = {
        {"open", try_open},           {"create", try_create},
        {"socket", try_socket},       {"connect", try_connect},
        {"fork", try_fork},           {"execve", try_execve},
        {"ptrace", try_ptrace},       {"kill", try_kill},
        {"mmap to execute", try_map}, {"mprotect to execute", try_protect},
    };
    bool holds = true;
    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
        bool is_refused = attempts[i].attempt() < 0;
        const char *why = strerrorname_np(errno);
        holds &= is_refused;
        if (is_refused)
            (void)printf("%s: refused (%s)\n", attempts[i].name, why ? why : "?");
        else
            (void)printf("%s: ALLOWED\n", attempts[i].name);
    }
    bool is_threaded = can_thread();
    (void)printf("thread: %s\n", is_threaded ? "allowed" : "REFUSED");
    return fflush(stdout) == 0 && holds && is_threaded;
}

int sandbox_prove(void)
{
    /* A process of its own, for in the sandbox nothing can be written to a file: stdout may be one.
     */
    int ends[2], status = -1;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return 1;
    pid_t child = fork();
    if (child == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        sandbox_enter();
        _exit(prove() ? 0 : 1);
    }
    (void)close(ends[1]);
    char text[512];
    for (ssize_t got; (got = read(ends[0], text, sizeof(text))) > 0;)
        (void)fwrite(text, 1, (size_t)got, stdout);
    (void)close(ends[0]);
    bool is_there = child > 0 && waitpid(child, &status, 0) == child;
    return is_there && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
