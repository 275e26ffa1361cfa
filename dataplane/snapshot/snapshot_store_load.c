/*
 * The folder at the start: lock, keys and manifest, segments that are there, segments that were
 * left unfinished, and the space. Who opens the store, or the writer when the folder is there
 * again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "snapshot/snapshot_calls.h"
#include "snapshot/snapshot_segment_private.h"
#include "snapshot/snapshot_store_private.h"

enum { SIZE_STEP = 1 << 20 };

static bool refuse(struct snapshot_store *store, struct error *error,
                   enum ledger_snapshot_failed *reason, const char *what)
{
    int cause = errno;
    *reason = snapshot_failure_of(cause);
    if (store->folder < 0)
        *reason = SNAPSHOT_FAILED_GONE;
    error_set(error, "snapshot ring %s: %s%s%s", store->values.directory, what, cause ? ": " : "",
              cause ? strerror(cause) : "");
    return false;
}

/* A folder that we made is for its group, too. */
static bool make_folder(struct snapshot_store *store)
{
    const char *directory = store->values.directory;
    char name[sizeof store->values.group];
    if (mkdir(directory, 0750) != 0)
        return errno == EEXIST;
    pthread_mutex_lock(&store->lock);
    memcpy(name, store->values.group, sizeof name);
    pthread_mutex_unlock(&store->lock);
    const struct group *group = name[0] ? getgrnam(name) : NULL;
    /* Without the right to give it away it stays with our own group. */
    if (group && chown(directory, (uid_t)-1, group->gr_gid) != 0)
        group = NULL;
    /* A service may be forbidden to set the bit; then a folder made before hands its group on. */
    return chmod(directory, 02750) == 0 || errno == EPERM;
}

static bool open_folder(struct snapshot_store *store, struct error *error,
                        enum ledger_snapshot_failed *reason)
{
    const char *directory = store->values.directory;
    if (!make_folder(store))
        return refuse(store, error, reason, "cannot be made");
    int folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return refuse(store, error, reason, "cannot be opened");
    pthread_mutex_lock(&store->lock);
    store->folder = folder;
    pthread_mutex_unlock(&store->lock);
    if (faccessat(folder, ".", W_OK | X_OK, AT_EACCESS) != 0)
        return refuse(store, error, reason, "cannot be written");
    if (flock(folder, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno == EWOULDBLOCK) {
        errno = 0;
        return refuse(store, error, reason, "another spanflowd uses it; give each its own");
    }
    return refuse(store, error, reason, "cannot be locked");
}

bool snapshot_store_add_slot(struct snapshot_store *store, const struct snapshot_slot *slot)
{
    pthread_mutex_lock(&store->lock);
    bool good = true;
    if (store->slot_count == store->slot_room) {
        size_t room = store->slot_room ? store->slot_room * 2 : 128;
        struct snapshot_slot *more = realloc(store->slots, room * sizeof *more);
        good = more != NULL;
        if (good) {
            store->slots = more;
            store->slot_room = room;
        }
    }
    if (good) {
        size_t place = store->slot_count++;
        for (; place && store->slots[place - 1].facts.number > slot->facts.number; place--)
            store->slots[place] = store->slots[place - 1];
        store->slots[place] = *slot;
    }
    pthread_mutex_unlock(&store->lock);
    if (!good)
        errno = ENOMEM;
    return good;
}

bool snapshot_store_add_free(struct snapshot_store *store, const char *name, uint64_t reserved)
{
    if (store->free_count == store->free_room) {
        size_t room = store->free_room ? store->free_room * 2 : 128;
        struct snapshot_free *more = realloc(store->free, room * sizeof *more);
        if (!more) {
            errno = ENOMEM;
            return false;
        }
        store->free = more;
        store->free_room = room;
    }
    struct snapshot_free *free_file = &store->free[store->free_count++];
    snprintf(free_file->name, sizeof free_file->name, "%s", name);
    free_file->reserved = reserved;
    return true;
}

/* What a file takes of the disk; space is taken in steps, the rest are the file system's own. */
static uint64_t reserved_by(const struct stat *facts)
{
    uint64_t taken = (uint64_t)facts->st_blocks * 512 / SIZE_STEP * SIZE_STEP;
    uint64_t size = (uint64_t)facts->st_size;
    return taken > size ? taken : size;
}

/* A segment under its final name. */
static bool take_closed(struct snapshot_store *store, const char *name, uint64_t number,
                        struct error *note)
{
    struct stat facts;
    struct snapshot_slot slot = {.facts.number = number};
    const struct snapshot_known *known = snapshot_manifest_find(&store->manifest, number);
    if (fstatat(store->folder, name, &facts, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(facts.st_mode))
        return true; /* not ours; snapshot_verify() tells it */
    snprintf(slot.name, sizeof slot.name, "%s", name);
    slot.reserved = reserved_by(&facts);
    if (known && known->gone && strcmp(known->line.name, name) == 0)
        return unlinkat(store->folder, name, 0) == 0; /* its space is reserved anew */
    if (known && strcmp(known->line.name, name) == 0)
        slot.facts = known->line.facts;
    else {
        struct snapshot_segment *segment = snapshot_segment_open(store->folder, name, note);
        if (!segment)
            return true;
        slot.facts = *snapshot_segment_facts(segment);
        slot.facts.number = number;
        snapshot_segment_close(segment);
    }
    slot.facts.octets = (uint64_t)facts.st_size;
    return snapshot_store_add_slot(store, &slot);
}

/* When the segment of this name was begun. */
static uint64_t opened_of(const char *name)
{
    struct tm date = {0};
    if (!strptime(name, "snapshot-%Y%m%dT%H%M%SZ-", &date))
        return 0;
    return (uint64_t)timegm(&date) * 1000000000;
}

/* A segment that was closed, or can be; its line and its name follow. */
static bool publish(struct snapshot_store *store, const char *hidden,
                    const struct snapshot_segment_facts *facts, const char *sha256, uint64_t now_ns)
{
    struct snapshot_line line = {.event = SNAPSHOT_EVENT_CLOSED, .at_ns = now_ns, .facts = *facts};
    snprintf(line.name, sizeof line.name, "%s", hidden + 1);
    if (sha256) {
        memcpy(line.sha256, sha256, sizeof line.sha256);
        if (!snapshot_manifest_append(&store->manifest, &line))
            return false;
    }
    if (renameat(store->folder, hidden, store->folder, line.name) != 0)
        return false;
    struct stat stat_facts;
    struct snapshot_slot slot = {.facts = *facts};
    snprintf(slot.name, sizeof slot.name, "%s", line.name);
    if (fstatat(store->folder, line.name, &stat_facts, 0) != 0)
        return false;
    slot.reserved = reserved_by(&stat_facts);
    return snapshot_store_add_slot(store, &slot);
}

/* A file that another run was writing: closes it, or makes it a free one. */
static bool take_unfinished(struct snapshot_store *store, const char *hidden, uint64_t number,
                            uint64_t now_ns, struct error *note)
{
    struct stat facts;
    struct snapshot_segment_writer writer = {.file = -1};
    const struct snapshot_known *known = snapshot_manifest_find(&store->manifest, number);
    int file = openat(store->folder, hidden, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0 || fstat(file, &facts) != 0)
        return false;
    if (known && !known->gone && strcmp(known->line.name, hidden + 1) == 0 &&
        known->line.facts.octets == (uint64_t)facts.st_size) {
        close(file);
        return publish(store, hidden, &known->line.facts, NULL, now_ns);
    }
    struct error cause = {""};
    errno = 0;
    bool good = snapshot_segment_recover(&writer, file, reserved_by(&facts), number,
                                         opened_of(hidden + 1), now_ns, &cause);
    int failure = errno;
    uint32_t damaged = writer.facts.damaged;
    if (good) {
        good = publish(store, hidden, &writer.facts, writer.sha256, now_ns);
        failure = errno;
        error_set(note, "%s: was not finished: closed with %u whole blocks, %u damaged", hidden + 1,
                  writer.facts.blocks, damaged);
        pthread_mutex_lock(&store->lock);
        store->damaged_blocks += damaged;
        pthread_mutex_unlock(&store->lock);
    } else if (!failure)
        good = unlinkat(store->folder, hidden, 0) == 0;
    snapshot_segment_drop(&writer);
    close(file);
    errno = failure ? failure : EIO;
    return good;
}

/* One name of the folder. */
static bool take_name(struct snapshot_store *store, const char *name, uint64_t now_ns,
                      struct error *note)
{
    uint64_t number = snapshot_segment_number_of(name);
    if (number > store->manifest.number && number < UINT64_MAX / 2)
        store->manifest.number = number;
    if (number)
        return take_closed(store, name, number, note);
    if (name[0] == '.' && (number = snapshot_segment_number_of(name + 1)) != 0) {
        if (number > store->manifest.number && number < UINT64_MAX / 2)
            store->manifest.number = number;
        return take_unfinished(store, name, number, now_ns, note);
    }
    struct stat facts;
    if (strncmp(name, ".old-", 5) == 0)
        return unlinkat(store->folder, name, 0) == 0; /* not empty yet */
    if (strncmp(name, ".free-", 6) != 0 || strlen(name) >= SNAPSHOT_FREE_NAME_MAX ||
        fstatat(store->folder, name, &facts, AT_SYMLINK_NOFOLLOW) != 0)
        return true;
    uint64_t mark = strtoull(name + 6, NULL, 10);
    if (mark > store->free_number)
        store->free_number = mark;
    return snapshot_store_add_free(store, name, reserved_by(&facts));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All names of the folder, sorted; the caller frees each and the list. False: errno. */
static bool read_names(int folder_file, char ***names, size_t *count)
{
    int copy = openat(folder_file, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy >= 0 ? fdopendir(copy) : NULL;
    *names = NULL;
    *count = 0;
    if (!folder)
        return false;
    const struct dirent *file;
    bool good = true;
    errno = 0;
    while (good && (file = readdir(folder))) {
        char **more = realloc(*names, (*count + 1) * sizeof *more);
        char *name = strdup(file->d_name);
        if (more)
            *names = more;
        good = more && name;
        if (good)
            (*names)[(*count)++] = name;
        else
            free(name);
    }
    good = good && errno == 0;
    closedir(folder);
    if (good && *count)
        qsort(*names, *count, sizeof **names, by_name);
    return good;
}

static bool take_all(struct snapshot_store *store, uint64_t now_ns, struct error *note)
{
    char **names;
    size_t count;
    bool good = read_names(store->folder, &names, &count);
    for (size_t i = 0; i < count; i++) {
        good = good && take_name(store, names[i], now_ns, note);
        free(names[i]);
    }
    free(names);
    return good;
}

static bool load(struct snapshot_store *store, uint64_t now_ns, struct error *note,
                 struct error *error, enum ledger_snapshot_failed *reason)
{
    struct error cause = {""};
    if (!open_folder(store, error, reason))
        return false;
    if (!snapshot_manifest_open(&store->manifest, store->folder, note, &cause))
        return refuse(store, error, reason, cause.text);
    snapshot_store_load_freezes(store, note);
    if (!take_all(store, now_ns, note))
        return refuse(store, error, reason, "its segments cannot be read or closed");
    if (!snapshot_store_fit(store, now_ns, &cause)) {
        errno = errno ? errno : ENOSPC;
        return refuse(store, error, reason, cause.text);
    }
    snapshot_manifest_forget(&store->manifest);
    return true;
}

bool snapshot_store_load(struct snapshot_store *store, uint64_t now_ns, struct error *note,
                         struct error *error, enum ledger_snapshot_failed *reason)
{
    if (load(store, now_ns, note, error, reason))
        return true;
    snapshot_store_unload(store);
    return false;
}

void snapshot_store_unload(struct snapshot_store *store)
{
    int file = store->segment.file;
    snapshot_segment_drop(&store->segment);
    if (store->taken && file >= 0)
        close(file);
    if (store->manifest.key)
        snapshot_manifest_close(&store->manifest);
    pthread_mutex_lock(&store->lock);
    if (store->folder >= 0)
        close(store->folder);
    store->folder = -1;
    free(store->slots);
    store->slots = NULL;
    store->slot_count = store->slot_room = 0;
    store->freeze_count = 0;
    pthread_mutex_unlock(&store->lock);
    free(store->free);
    store->free = NULL;
    store->free_count = store->free_room = 0;
    store->taken = store->closing = store->manifested = false;
}

/* Removes the last free file. */
static bool remove_free(struct snapshot_store *store)
{
    if (unlinkat(store->folder, store->free[store->free_count - 1].name, 0) != 0 && errno != ENOENT)
        return false;
    store->free_count--;
    return true;
}

static uint64_t total(const struct snapshot_store *store)
{
    uint64_t sum = store->taken ? store->segment.limit : 0;
    for (size_t i = 0; i < store->slot_count; i++)
        sum += store->slots[i].reserved;
    for (size_t i = 0; i < store->free_count; i++)
        sum += store->free[i].reserved;
    return sum;
}

/* One more free file of OCTETS. */
static bool make_free(struct snapshot_store *store, uint64_t octets)
{
    char name[SNAPSHOT_FREE_NAME_MAX];
    snprintf(name, sizeof name, ".free-%" PRIu64, ++store->free_number);
    int file = openat(store->folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (file < 0)
        return false;
    bool good = snapshot_calls.fallocate(file, 0, 0, (off_t)octets) == 0;
    if (!good && errno == EOPNOTSUPP)
        good = ftruncate(file, (off_t)octets) == 0; /* a file system that cannot reserve */
    int cause = errno;
    close(file);
    if (good && snapshot_store_add_free(store, name, octets))
        return true;
    unlinkat(store->folder, name, 0);
    errno = good ? ENOMEM : cause;
    return false;
}

/* Removes what is too much: free files first, then the oldest segments. */
static bool shrink(struct snapshot_store *store, uint64_t octets, uint64_t now_ns)
{
    bool busy;
    while (total(store) > octets) {
        if (store->free_count) {
            if (!remove_free(store))
                return false;
            continue;
        }
        size_t place = 0;
        pthread_mutex_lock(&store->lock);
        while (place < store->slot_count && snapshot_store_is_frozen(store, place, now_ns))
            place++;
        pthread_mutex_unlock(&store->lock);
        if (place == store->slot_count)
            return true;
        if (!snapshot_store_release(store, place, SNAPSHOT_EVENT_REMOVED, now_ns, true, &busy))
            return false;
    }
    return true;
}

static bool fit(struct snapshot_store *store, uint64_t now_ns, struct error *error)
{
    pthread_mutex_lock(&store->lock);
    uint64_t octets = store->values.octets, each = store->values.segment_octets;
    pthread_mutex_unlock(&store->lock);
    errno = 0;
    for (size_t i = 0; i < store->free_count;)
        if (store->free[i].reserved != each) {
            struct snapshot_free last = store->free[store->free_count - 1];
            store->free[store->free_count - 1] = store->free[i];
            store->free[i] = last;
            if (!remove_free(store))
                return false;
        } else
            i++;
    if (!shrink(store, octets, now_ns))
        return false;
    struct statvfs disk;
    uint64_t held = total(store);
    uint64_t count = held < octets ? (octets - held) / each : 0;
    if (count && fstatvfs(store->folder, &disk) == 0 &&
        (uint64_t)disk.f_bavail * disk.f_frsize < count * each) {
        error_set(error, "it needs %" PRIu64 " MiB more of the disk, which has %" PRIu64,
                  count * each >> 20, (uint64_t)disk.f_bavail * disk.f_frsize >> 20);
        errno = ENOSPC;
        return false;
    }
    while (count--)
        if (!make_free(store, each)) {
            int cause = errno;
            error_set(error, "no space can be reserved");
            errno = cause;
            return false;
        }
    return true;
}

bool snapshot_store_fit(struct snapshot_store *store, uint64_t now_ns, struct error *error)
{
    bool good = fit(store, now_ns, error);
    int cause = errno;
    uint64_t octets = total(store);
    pthread_mutex_lock(&store->lock);
    store->reserved_octets = octets;
    pthread_mutex_unlock(&store->lock);
    errno = cause;
    return good;
}
