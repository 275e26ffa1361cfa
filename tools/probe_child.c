/*
 * Spawning. posix_spawn() neither copies the daemon's memory nor runs its code in the child, so
 * what must happen before the program starts (giving up the user and capabilities) is done by the
 * daemon's own program, started anew with --run-as.
 */
#include "probe_child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "control/control_channel.h"

#define USER_NAME "spanflow"
#define RUN_AS    "--run-as"

enum { END_WAIT_MS = 3000, END_LOOK_MS = 10 };

/* ---- where and who ---- */

static bool find_program(struct probe_child *child, struct error *error)
{
    char own[512];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    if (length > 0) {
        own[length] = 0;
        snprintf(child->program, sizeof child->program, "%s/../config/netconf/spanflow-netconf",
                 dirname(own));
        if (access(child->program, X_OK) == 0)
            return true;
    }
    snprintf(child->program, sizeof child->program, "%s/spanflow-netconf", SPANFLOW_LIBEXEC);
    if (access(child->program, X_OK) == 0)
        return true;
    error_set(error,
              "NETCONF: %s: %s: install spanflow-netconf, or give options that need no "
              "NETCONF and no --control",
              child->program, strerror(errno));
    return false;
}

bool probe_child_find(struct probe_child *child, struct error *error)
{
    memset(child, 0, sizeof *child);
    if (!find_program(child, error))
        return false;
    child->user = geteuid();
    child->group = getegid();
    if (geteuid() != 0)
        return true;
    errno = 0;
    const struct passwd *entry = getpwnam(USER_NAME);
    if (!entry) {
        error_set(error, "NETCONF: there is no user " USER_NAME " to run it as: make one with "
                         "systemd-sysusers, or with adduser --system --group " USER_NAME);
        return false;
    }
    child->other_user = true;
    child->user = entry->pw_uid;
    child->group = entry->pw_gid;
    return true;
}

bool probe_child_folder(const struct probe_child *child, const char *path, struct error *error)
{
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return true;
    if (mkdir(path, 0750) == 0) {
        /* Not through a link: the folder above may be one where that user can make some. */
        if (!child->other_user || lchown(path, child->user, child->group) == 0)
            return true;
        int failed = errno;
        rmdir(path);
        errno = failed;
    }
    error_set(error, "NETCONF: cannot make the folder %s: %s", path, strerror(errno));
    return false;
}

/* ---- start and end, in the daemon ---- */

/* Signals as at the start of a program, and a group of its own: what a terminal sends to the
 * daemon's group is not for the child, which ends when its channel is closed. */
static void set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_init(attributes);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                             POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setpgroup(attributes, 0);
}

static int spawn(struct probe_child *child, int fd)
{
    char user[16], group[16];
    snprintf(user, sizeof user, "%u", child->user);
    snprintf(group, sizeof group, "%u", child->group);
    char *arguments[] = {"spanflowd", RUN_AS, user, group, child->program, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    set_attributes(&attributes);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, fd, CONTROL_CHILD_FD);
    posix_spawn_file_actions_addclosefrom_np(&actions, CONTROL_CHILD_FD + 1);
    int failed =
        posix_spawn(&child->pid, "/proc/self/exe", &actions, &attributes, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return failed;
}

int probe_child_start(struct probe_child *child, struct error *error)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        error_set(error, "NETCONF: no channel: %s", strerror(errno));
        return -1;
    }
    int failed = spawn(child, pair[1]);
    close(pair[1]);
    if (failed == 0)
        return pair[0];
    child->pid = 0;
    close(pair[0]);
    error_set(error, "NETCONF: cannot start %s: %s", child->program, strerror(failed));
    return -1;
}

bool probe_child_ended(struct probe_child *child, char *why, size_t size)
{
    int status = 0;
    if (child->pid == 0 || waitpid(child->pid, &status, WNOHANG) != child->pid)
        return false;
    child->pid = 0;
    if (WIFSIGNALED(status))
        snprintf(why, size, "signal %d", WTERMSIG(status));
    else
        snprintf(why, size, "exit status %d", WEXITSTATUS(status));
    return true;
}

void probe_child_kill(struct probe_child *child)
{
    if (child->pid == 0)
        return;
    kill(child->pid, SIGKILL);
    waitpid(child->pid, NULL, 0);
    child->pid = 0;
}

void probe_child_end(struct probe_child *child)
{
    char why[32];
    const struct timespec pause = {.tv_nsec = END_LOOK_MS * 1000000L};
    for (int waited = 0; child->pid && waited < END_WAIT_MS; waited += END_LOOK_MS)
        if (!probe_child_ended(child, why, sizeof why))
            nanosleep(&pause, NULL);
    probe_child_kill(child);
}

/* ---- in the new process ---- */

/* What the kernel calls capability sets, for system calls without a library. */
static bool set_capabilities(bool bind)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}, {0}};
    if (bind)
        data[0].permitted = data[0].inheritable = data[0].effective = 1u << CAP_NET_BIND_SERVICE;
    return syscall(SYS_capset, &header, data) == 0;
}

static bool may_bind(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}, {0}};
    return syscall(SYS_capget, &header, data) == 0 &&
           data[0].permitted & 1u << CAP_NET_BIND_SERVICE;
}

/* Only what a process gets by its files' capabilities is bounded by this set; where dropping is not
 * permitted there is nothing to drop, since no new privileges come. */
static void drop_bounds(void)
{
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        if (capability != CAP_NET_BIND_SERVICE)
            prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

static bool change_user(uid_t user, gid_t group)
{
    if (geteuid() == user)
        return geteuid() != 0;
    return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 && setgroups(1, &group) == 0 &&
           setresgid(group, group, group) == 0 && setresuid(user, user, user) == 0;
}

int probe_child_become(int argc, char *argv[])
{
    if (argc != 5 || strcmp(argv[1], RUN_AS) != 0)
        return -1;
    uid_t user = (uid_t)strtoul(argv[2], NULL, 10);
    gid_t group = (gid_t)strtoul(argv[3], NULL, 10);
    drop_bounds();
    if (!change_user(user, group)) {
        fprintf(stderr, "spanflowd: NETCONF: cannot become user %s: %s\n", argv[2],
                geteuid() == 0 && user == 0 ? "it must not be root" : strerror(errno));
        return 1;
    }
    bool bind = may_bind();
    bool good =
        set_capabilities(bind) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0;
    if (bind)
        good = good && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) == 0;
    if (!good || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        fprintf(stderr, "spanflowd: NETCONF: cannot give up capabilities: %s\n", strerror(errno));
        return 1;
    }
    char *arguments[] = {"spanflow-netconf", NULL};
    execv(argv[4], arguments);
    fprintf(stderr, "spanflowd: NETCONF: %s: %s\n", argv[4], strerror(errno));
    return 1;
}
