/*
 * The audit log. One struct audit for the process, made by its main function. Lines are made in
 * memory and written by one call each, so that none is mixed with another's.
 */
#include "audit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "access.h"
#include "audit_line.h"
#include "rpc_error.h"

/* Room that is reserved before a change is made: its line, and those that go with it. */
enum { RESERVED_OCTETS = 1 << 20, PATH_OCTETS = 4096 };

struct audit {
    char path[PATH_OCTETS]; /* "": nothing is written */
    int file;               /* -1: none */
    unsigned lost;          /* lines that are missing in it, and it does not say so yet */
    volatile sig_atomic_t reopen;
    uint64_t failures;
};

/* Ends a line that a death cut, so that the next one is whole. False with errno. */
static bool end_cut_line(int file)
{
    char last;
    struct stat status;
    if (fstat(file, &status) != 0)
        return false;
    if (status.st_size == 0 || (pread(file, &last, 1, status.st_size - 1) == 1 && last == '\n'))
        return true;
    return write(file, "\n", 1) == 1;
}

/* -1 with errno if PATH cannot be used. */
static int open_file(const char *path)
{
    struct stat status;
    int file = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
    if (file < 0)
        return -1;
    bool regular = fstat(file, &status) == 0 && S_ISREG(status.st_mode);
    if (regular && end_cut_line(file))
        return file;
    int saved = regular ? errno : EINVAL;
    close(file);
    errno = saved;
    return -1;
}

/* The file open, and the one that the path names. Renamed or removed, it is opened anew. */
static bool keep_open(struct audit *audit)
{
    struct stat named;
    struct stat opened;
    bool same = audit->file >= 0 && !audit->reopen && fstat(audit->file, &opened) == 0 &&
                stat(audit->path, &named) == 0 && named.st_dev == opened.st_dev &&
                named.st_ino == opened.st_ino;
    if (same)
        return true;
    int file = open_file(audit->path);
    if (file < 0)
        return false;
    if (audit->file >= 0)
        close(audit->file);
    audit->file = file;
    audit->reopen = 0;
    return true;
}

struct audit *audit_open(const char *path, struct error *error)
{
    struct audit *audit = calloc(1, sizeof *audit);
    if (!audit) {
        error_set(error, "no memory for the audit log");
        return NULL;
    }
    audit->file = -1;
    if (!path || audit_set_path(audit, path, error))
        return audit;
    audit_close(audit);
    return NULL;
}

void audit_close(struct audit *audit)
{
    if (!audit)
        return;
    if (audit->file >= 0)
        close(audit->file);
    free(audit);
}

bool audit_set_path(struct audit *audit, const char *path, struct error *error)
{
    if (strcmp(path, audit->path) == 0)
        return true;
    if (strlen(path) >= sizeof audit->path) {
        error_set(error, "/spanflow/netconf/auditLog: the path is too long");
        return false;
    }
    int file = open_file(path);
    if (file < 0) {
        error_set(error,
                  "/spanflow/netconf/auditLog: %s cannot be opened: %s; give a file that the user "
                  "of spanflow-netconf may write",
                  path, strerror(errno));
        return false;
    }
    if (audit->file >= 0)
        close(audit->file);
    audit->file = file;
    audit->reopen = 0;
    snprintf(audit->path, sizeof audit->path, "%s", path);
    return true;
}

void audit_reopen(struct audit *audit)
{
    audit->reopen = 1;
}

/* Opens the file again if it has to be, and says in a line of its own what is missing in it. */
static bool repair(struct audit *audit)
{
    if (!keep_open(audit))
        return false;
    if (!audit->lost)
        return true;
    struct audit_line line;
    size_t length;
    char text[32];
    snprintf(text, sizeof text, "%u", audit->lost);
    audit_line_begin(&line, NULL, "lines-lost");
    audit_line_text(&line, "detail", text);
    char *said = audit_line_end(&line, &length);
    bool repaired =
        said && end_cut_line(audit->file) && write(audit->file, said, length) == (ssize_t)length;
    free(said);
    if (repaired)
        audit->lost = 0;
    return repaired;
}

/* Writes LINE. */
static void write_line(struct audit *audit, struct audit_line *line)
{
    size_t length;
    char *text = audit_line_end(line, &length);
    if (!text || !repair(audit) || write(audit->file, text, length) != (ssize_t)length) {
        audit->lost++;
        audit->failures++;
    }
    free(text);
}

bool audit_ready(struct audit *audit, struct rpc_error *error)
{
    struct stat status;
    if (!audit->path[0])
        return true;
    /* File systems that cannot reserve are trusted. */
    bool ready =
        repair(audit) && fstat(audit->file, &status) == 0 &&
        (fallocate(audit->file, FALLOC_FL_KEEP_SIZE, status.st_size, RESERVED_OCTETS) == 0 ||
         errno == EOPNOTSUPP);
    if (ready)
        return true;
    return rpc_error_set(error, "application", "operation-failed",
                         "the audit log %s cannot be written: %s; nothing is changed that could "
                         "not be written down",
                         audit->path, strerror(errno));
}

static bool is_silent(const struct audit *audit)
{
    return !audit->path[0];
}

void audit_change(struct audit *audit, const struct operation_caller *caller,
                  enum datastore_name name, const char *operation, const struct lyd_node *diff)
{
    if (is_silent(audit))
        return;
    struct audit_line line;
    audit_line_begin(&line, caller, operation);
    audit_line_text(&line, "datastore", name == DATASTORE_RUNNING ? "running" : "candidate");
    audit_line_changes(&line, diff);
    write_line(audit, &line);
}

/* Operations that show what everybody may see who may invoke them, and change nothing. */
static bool only_reads(const struct lysc_node *rpc)
{
    static const char *const names[] = {"get",        "get-config",         "get-data",
                                        "get-schema", "validate",           "close-session",
                                        "ledger",     "create-subscription"};
    if (access_protected(rpc))
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(rpc->name, names[i]) == 0)
            return true;
    }
    return false;
}

/* Operations that come again and again for one thing that was written down when it began. */
static bool goes_on(const struct lyd_node *rpc)
{
    const struct lyd_node *child = lyd_child(rpc);
    if (strcmp(rpc->schema->name, "snapshot-job") == 0)
        return true;
    if (strcmp(rpc->schema->name, "snapshot-read") != 0)
        return false;
    while (child && (!child->schema || strcmp(child->schema->name, "offset") != 0))
        child = child->next;
    return child && strcmp(lyd_get_value(child), "0") != 0;
}

/* Operations of which the parameters matter, and are no secrets as the tokens of commits are. */
static bool tells_input(const struct lysc_node *rpc)
{
    return strncmp(rpc->module->name, "spanflow", strlen("spanflow")) == 0 ||
           strcmp(rpc->name, "kill-session") == 0;
}

void audit_rpc(struct audit *audit, const struct operation_caller *caller,
               const struct lyd_node *rpc, bool read_protected, const struct rpc_error *error)
{
    if (is_silent(audit) || (only_reads(rpc->schema) && !read_protected && !error) ||
        (goes_on(rpc) && !error))
        return;
    struct audit_line line;
    audit_line_begin(&line, caller, rpc->schema->name);
    if (read_protected && !error)
        audit_line_text(&line, "read", "protected");
    if (tells_input(rpc->schema))
        audit_line_input(&line, rpc);
    audit_line_result(&line, error);
    write_line(audit, &line);
}

void audit_session(struct audit *audit, const struct operation_caller *caller, const char *event,
                   const char *detail)
{
    if (is_silent(audit))
        return;
    struct audit_line line;
    audit_line_begin(&line, caller, event);
    if (detail)
        audit_line_text(&line, "detail", detail);
    write_line(audit, &line);
}

uint64_t audit_failures(const struct audit *audit)
{
    return audit->failures;
}
