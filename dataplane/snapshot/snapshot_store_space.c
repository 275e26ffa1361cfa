/*
 * The life of segments: begun in a free file or in that of the oldest one, ended, overwritten,
 * deleted by age. Writer thread; see snapshot_store_private.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot/snapshot_calls.h"
#include "snapshot/snapshot_store_private.h"

enum { MANIFEST_OCTETS_MAX = 4 << 20, AGE_PARTS = 32 };
static const uint64_t house_interval_ns = 1000000000;

enum ledger_snapshot_failed snapshot_failure_of(int cause)
{
    switch (cause) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return SNAPSHOT_FAILED_SPACE;
    case ENOENT:
    case ENOTDIR:
    case ESTALE:
    case ENODEV:
        return SNAPSHOT_FAILED_GONE;
    default:
        return SNAPSHOT_FAILED_WRITE;
    }
}

bool snapshot_store_is_there(const struct snapshot_store *store)
{
    struct stat opened, named;
    return store->folder >= 0 && fstat(store->folder, &opened) == 0 &&
           stat(store->values.directory, &named) == 0 && opened.st_ino == named.st_ino &&
           opened.st_dev == named.st_dev;
}

/* Makes FILE all zeros, with OCTETS of the disk for it: nothing of what was there can be read. */
static bool blank(int file, uint64_t octets)
{
    if (snapshot_calls.fallocate(file, FALLOC_FL_ZERO_RANGE, 0, (off_t)octets) == 0)
        return true;
    if (errno != EOPNOTSUPP || ftruncate(file, 0) != 0)
        return false;
    if (snapshot_calls.fallocate(file, 0, 0, (off_t)octets) == 0)
        return true;
    return errno == EOPNOTSUPP && ftruncate(file, (off_t)octets) == 0;
}

static void ask_resize(struct snapshot_store *store)
{
    pthread_mutex_lock(&store->lock);
    store->resize = true;
    pthread_mutex_unlock(&store->lock);
}

bool snapshot_store_resizes(struct snapshot_store *store)
{
    pthread_mutex_lock(&store->lock);
    bool resize = store->resize;
    pthread_mutex_unlock(&store->lock);
    return resize;
}

static uint64_t segment_octets(struct snapshot_store *store)
{
    pthread_mutex_lock(&store->lock);
    uint64_t octets = store->values.segment_octets;
    pthread_mutex_unlock(&store->lock);
    return octets;
}

static void remove_slot(struct snapshot_store *store, size_t place, enum snapshot_event event)
{
    pthread_mutex_lock(&store->lock);
    memmove(&store->slots[place], &store->slots[place + 1],
            (store->slot_count - place - 1) * sizeof *store->slots);
    store->slot_count--;
    store->overwritten += event == SNAPSHOT_EVENT_OVERWRITTEN;
    store->expired += event == SNAPSHOT_EVENT_EXPIRED;
    pthread_mutex_unlock(&store->lock);
}

/* The segment's file becomes a free one; or goes, if it is not as large as they are now. It is
 * called free only when it is empty, so that a later start knows. */
static bool free_file(struct snapshot_store *store, const struct snapshot_slot *slot, int file)
{
    char old[SNAPSHOT_FREE_NAME_MAX], name[SNAPSHOT_FREE_NAME_MAX];
    if (slot->reserved != segment_octets(store))
        return unlinkat(store->folder, slot->name, 0) == 0;
    snprintf(old, sizeof old, ".old-%" PRIu64, ++store->free_number);
    snprintf(name, sizeof name, ".free-%" PRIu64, store->free_number);
    if (renameat(store->folder, slot->name, store->folder, old) != 0)
        return false;
    if (blank(file, slot->reserved) && renameat(store->folder, old, store->folder, name) == 0)
        return snapshot_store_add_free(store, name, slot->reserved);
    int cause = errno;
    unlinkat(store->folder, old, 0); /* its space is reserved again later */
    ask_resize(store);
    errno = cause;
    return false;
}

bool snapshot_store_release(struct snapshot_store *store, size_t place, enum snapshot_event event,
                            uint64_t now_ns, bool force, bool *busy)
{
    struct snapshot_slot slot = store->slots[place];
    struct snapshot_line line = {.event = event, .at_ns = now_ns};
    line.facts.number = slot.facts.number;
    memcpy(line.name, slot.name, sizeof line.name);
    *busy = false;
    int file = openat(store->folder, slot.name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0 && errno == ENOENT) {
        /* Somebody took it away. Nothing is said of it, so that snapshot_verify() finds it. */
        remove_slot(store, place, SNAPSHOT_EVENTS);
        ask_resize(store);
        return true;
    }
    if (file < 0)
        return false;
    if (flock(file, LOCK_EX | LOCK_NB) != 0 && !force) {
        *busy = true;
        close(file);
        return true;
    }
    bool good = snapshot_manifest_append(&store->manifest, &line);
    if (good) {
        remove_slot(store, place, event);
        good = free_file(store, &slot, file);
    }
    int cause = errno;
    close(file);
    errno = cause;
    return good;
}

/* The oldest segment that may be overwritten. False: errno. */
static bool overwrite(struct snapshot_store *store, uint64_t now_ns, bool force)
{
    for (size_t place = 0; place < store->slot_count; place++) {
        bool busy;
        pthread_mutex_lock(&store->lock);
        bool frozen = snapshot_store_is_frozen(store, place, now_ns);
        pthread_mutex_unlock(&store->lock);
        if (frozen)
            continue;
        if (!snapshot_store_release(store, place, SNAPSHOT_EVENT_OVERWRITTEN, now_ns, force, &busy))
            return false;
        if (!busy)
            return true;
    }
    errno = ENOSPC;
    return false;
}

/* A free file for the next segment, under its hidden name. */
static bool take_file(struct snapshot_store *store, uint64_t now_ns)
{
    char name[SNAPSHOT_NAME_MAX];
    struct error ignored;
    while (!store->free_count) {
        /* A segment that all readers hold is worth less than what comes now. */
        if (!overwrite(store, now_ns, false) &&
            (errno != ENOSPC || !overwrite(store, now_ns, true)))
            return false;
        if (!store->free_count && !snapshot_store_fit(store, now_ns, &ignored) &&
            !store->slot_count)
            return false;
    }
    const struct snapshot_free *free_file = &store->free[store->free_count - 1];
    snapshot_segment_make_name(store->manifest.number + 1, now_ns, name);
    store->hidden[0] = '.';
    memcpy(store->hidden + 1, name, sizeof name);
    int file = openat(store->folder, free_file->name,
                      O_RDWR | O_CLOEXEC | O_NOFOLLOW | (store->direct ? O_DIRECT : 0));
    if (file < 0 && errno == EINVAL && store->direct) {
        store->direct = false;
        file = openat(store->folder, free_file->name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    }
    if (file < 0 && errno == ENOENT)
        store->free_count--; /* somebody took it away */
    if (file < 0)
        return false;
    if (renameat(store->folder, free_file->name, store->folder, store->hidden) != 0) {
        int cause = errno;
        close(file);
        errno = cause;
        return false;
    }
    store->segment.file = file;
    store->segment.limit = free_file->reserved;
    store->free_count--;
    store->manifest.number++;
    store->taken = true;
    return true;
}

bool snapshot_store_begin(struct snapshot_store *store, const struct snapshot_segment_names *names,
                          uint64_t now_ns)
{
    char application[96], configuration[192], notice[sizeof store->values.notice];
    struct snapshot_section section = {.application = application,
                                       .comments = {"snapshot ring", configuration, notice}};
    if (!store->taken && !take_file(store, now_ns))
        return false;
    pthread_mutex_lock(&store->lock);
    snprintf(application, sizeof application, "spanflow %s", store->values.version);
    configuration[0] = '\0';
    if (store->values.configuration[0])
        snprintf(configuration, sizeof configuration, "configuration %s",
                 store->values.configuration);
    memcpy(notice, store->values.notice, sizeof notice);
    pthread_mutex_unlock(&store->lock);
    int file = store->segment.file;
    uint64_t limit = store->segment.limit;
    snapshot_segment_drop(&store->segment);
    store->segment.direct = store->direct;
    store->segment.file = file; /* kept if the begin fails: the next try takes it again */
    store->segment.limit = limit;
    return snapshot_segment_begin(&store->segment, file, limit, store->manifest.number, now_ns,
                                  &section, names);
}

bool snapshot_store_end(struct snapshot_store *store, uint64_t now_ns,
                        snapshot_statistics_function *statistics, void *context)
{
    struct snapshot_segment_writer *segment = &store->segment;
    if (!segment->open)
        return true;
    store->closing = true;
    if (!snapshot_segment_finish(segment, now_ns, statistics, context))
        return false;
    struct snapshot_line line = {
        .event = SNAPSHOT_EVENT_CLOSED, .at_ns = now_ns, .facts = segment->facts};
    snprintf(line.name, sizeof line.name, "%s", store->hidden + 1);
    memcpy(line.sha256, segment->sha256, sizeof line.sha256);
    if (!store->manifested && !snapshot_manifest_append(&store->manifest, &line))
        return false;
    store->manifested = true;
    if (renameat(store->folder, store->hidden, store->folder, line.name) != 0)
        return false;
    struct snapshot_slot slot = {.facts = segment->facts, .reserved = segment->limit};
    memcpy(slot.name, line.name, sizeof slot.name);
    int file = segment->file;
    bool good = snapshot_store_add_slot(store, &slot);
    snapshot_segment_drop(segment);
    store->taken = store->closing = store->manifested = false;
    close(file);
    return snapshot_calls.fdatasync(store->folder) == 0 && good;
}

/* Deletes what is too old. */
static bool expire(struct snapshot_store *store, uint64_t now_ns)
{
    for (size_t place = 0; place < store->slot_count;) {
        bool busy = false;
        pthread_mutex_lock(&store->lock);
        uint64_t age = store->values.maximum_age_ns;
        bool old = age && store->slots[place].facts.opened_ns + age <= now_ns &&
                   !snapshot_store_is_frozen(store, place, now_ns);
        pthread_mutex_unlock(&store->lock);
        if (old &&
            !snapshot_store_release(store, place, SNAPSHOT_EVENT_EXPIRED, now_ns, false, &busy))
            return false;
        if (!old || busy)
            place++;
    }
    return true;
}

bool snapshot_store_is_due(struct snapshot_store *store, uint64_t now_ns)
{
    pthread_mutex_lock(&store->lock);
    uint64_t age = store->values.maximum_age_ns;
    bool due = store->segment.open && store->segment.facts.blocks && age &&
               store->segment.facts.opened_ns + age / AGE_PARTS <= now_ns;
    pthread_mutex_unlock(&store->lock);
    return due;
}

/* Whether it is time; then also what is the oldest segment and whether the size changed. */
static bool is_time(struct snapshot_store *store, uint64_t now_ns, uint64_t *oldest, bool *resize)
{
    pthread_mutex_lock(&store->lock);
    bool due = store->resize || now_ns >= store->housed_ns + house_interval_ns ||
               now_ns < store->housed_ns;
    if (due)
        store->housed_ns = now_ns;
    *oldest = store->slot_count ? store->slots[0].facts.number : store->manifest.number;
    *resize = store->resize;
    pthread_mutex_unlock(&store->lock);
    return due;
}

bool snapshot_store_keep_house(struct snapshot_store *store, uint64_t now_ns, struct error *error)
{
    uint64_t oldest;
    bool resize;
    if (!is_time(store, now_ns, &oldest, &resize))
        return true;
    snapshot_store_expire_freezes(store, now_ns);
    if (!expire(store, now_ns))
        return false;
    if (resize) {
        /* Not tried again by itself if it fails: room that others have is not waited for. */
        pthread_mutex_lock(&store->lock);
        store->resize = false;
        pthread_mutex_unlock(&store->lock);
        if (!snapshot_store_fit(store, now_ns, error))
            return false;
    }
    return snapshot_manifest_trim(&store->manifest, oldest, now_ns, MANIFEST_OCTETS_MAX);
}
