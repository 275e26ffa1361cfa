/* The audit log of queries. See snapshot_audit.h. */
#include "snapshot/snapshot_audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "snapshot/snapshot_json.h"

struct snapshot_audit {
    pthread_mutex_t lock;
    char *path;
};

/* The file by its name, each time: whoever moves it away begins a new one. -1 with errno set. */
static int open_log(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640);
}

static bool failed(const struct snapshot_audit *audit, const char *what, struct error *error)
{
    error_set(error, "%s: cannot %s the audit log: %s; nothing is given out without it",
              audit->path, what, strerror(errno));
    return false;
}

struct snapshot_audit *snapshot_audit_open(const char *directory, struct error *error)
{
    struct snapshot_audit *audit = calloc(1, sizeof *audit);
    if (!audit || asprintf(&audit->path, "%s/" SNAPSHOT_AUDIT_NAME, directory) < 0) {
        free(audit);
        error_set(error, "audit log: no memory");
        return NULL;
    }
    pthread_mutex_init(&audit->lock, NULL);
    int file = open_log(audit->path);
    if (file < 0) {
        error_set(error, "%s: cannot open the audit log: %s", audit->path, strerror(errno));
        snapshot_audit_close(audit);
        return NULL;
    }
    close(file);
    return audit;
}

static void put_text(FILE *out, const char *name, const char *value)
{
    if (!value)
        return;
    fprintf(out, ",\"%s\":", name);
    snapshot_json_string(out, value);
}

static void put_time(FILE *out, const char *name, uint64_t time_ns)
{
    char text[32];
    if (time_ns == 0)
        return;
    snapshot_time_text(time_ns, text);
    fprintf(out, ",\"%s\":\"%s\"", name, text);
}

static void put_entry(FILE *out, const struct snapshot_audit_entry *entry)
{
    char now[32];
    snapshot_time_text(clock_wall_ns(), now);
    fprintf(out, "{\"time\":\"%s\"", now);
    put_text(out, "event", entry->event);
    put_text(out, "user", entry->user);
    put_text(out, "from", entry->from);
    put_text(out, "reason", entry->reason);
    if (entry->job != 0)
        fprintf(out, ",\"job\":%llu", (unsigned long long)entry->job);
    put_time(out, "begin", entry->from_ns);
    put_time(out, "end", entry->to_ns);
    put_text(out, "filter", entry->filter);
    put_text(out, "conversation", entry->tuple);
    if (entry->flow_id != 0)
        fprintf(out, ",\"flow\":\"%llu\"", (unsigned long long)entry->flow_id);
    if (entry->anonymised)
        fputs(",\"anonymised\":true", out);
    put_text(out, "outcome", entry->outcome);
    if (entry->with_counts)
        fprintf(out, ",\"packets\":%llu,\"octets\":%llu,\"damagedBlocks\":%llu",
                (unsigned long long)entry->packets, (unsigned long long)entry->octets,
                (unsigned long long)entry->damaged);
    put_text(out, "output", entry->output);
    put_text(out, "sha256", entry->sha256);
    put_text(out, "text", entry->text);
    fputs("}\n", out);
}

/* A power cut may have torn the last line: then the next one begins on a line of its own. False
 * with errno set. */
static bool begin_line(int file, const char *path)
{
    struct stat status;
    char last = '\n';
    int reader = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (reader < 0)
        return false;
    bool good = fstat(reader, &status) == 0;
    if (good && status.st_size > 0)
        good = pread(reader, &last, 1, status.st_size - 1) == 1;
    close(reader);
    return good && (last == '\n' || write(file, "\n", 1) == 1);
}

static bool append(struct snapshot_audit *audit, const char *line, size_t octets,
                   struct error *error)
{
    int file = open_log(audit->path);
    if (file < 0)
        return failed(audit, "open", error);
    /* Others that append to the same folder (the command line, offline) wait for each other. */
    bool good = flock(file, LOCK_EX) == 0 && begin_line(file, audit->path);
    if (good) {
        ssize_t written = write(file, line, octets);
        good = written == (ssize_t)octets;
        if (!good && written >= 0)
            errno = ENOSPC;
    }
    good = good && fsync(file) == 0;
    if (!good)
        failed(audit, "write", error);
    close(file);
    return good;
}

char *snapshot_audit_line(const struct snapshot_audit_entry *entry)
{
    char *line = NULL;
    size_t octets = 0;
    FILE *out = open_memstream(&line, &octets);
    if (!out)
        return NULL;
    put_entry(out, entry);
    if (fclose(out) == 0)
        return line;
    free(line);
    return NULL;
}

bool snapshot_audit_append_line(struct snapshot_audit *audit, const char *line, struct error *error)
{
    pthread_mutex_lock(&audit->lock);
    bool good = append(audit, line, strlen(line), error);
    pthread_mutex_unlock(&audit->lock);
    return good;
}

bool snapshot_audit_append(struct snapshot_audit *audit, const struct snapshot_audit_entry *entry,
                           struct error *error)
{
    char *line = snapshot_audit_line(entry);
    if (!line) {
        error_set(error, "audit log: no memory; nothing is given out without it");
        return false;
    }
    bool good = snapshot_audit_append_line(audit, line, error);
    free(line);
    return good;
}

void snapshot_audit_close(struct snapshot_audit *audit)
{
    if (!audit)
        return;
    pthread_mutex_destroy(&audit->lock);
    free(audit->path);
    free(audit);
}
