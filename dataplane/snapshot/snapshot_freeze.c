/*
 * What is frozen: windows of time whose segments are not overwritten. They hold as soon as they are
 * in the list; the writer thread writes them to a file of lines whenever they have changed, so that
 * who freezes never waits for the disk. See snapshot_store.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "snapshot/snapshot_store_private.h"

enum { FILE_OCTETS_MAX = SNAPSHOT_FREEZES_MAX * 160 };
static const char freezes_name[] = "freezes", new_name[] = ".freezes.new";

static bool overlaps(const struct snapshot_segment_facts *facts,
                     const struct snapshot_freeze *freeze)
{
    return facts->packets && facts->first_ns <= freeze->to_ns && facts->last_ns >= freeze->from_ns;
}

/* By any freeze that has not expired, whatever the bound says. */
static bool wanted(const struct snapshot_store *store, const struct snapshot_segment_facts *facts,
                   uint64_t now_ns)
{
    for (size_t i = 0; i < store->freeze_count; i++)
        if (store->freezes[i].expires_ns > now_ns && overlaps(facts, &store->freezes[i]))
            return true;
    return false;
}

/* The segment that is being written, the newest one: it counts from its first packet on. */
static const struct snapshot_segment_facts *written(const struct snapshot_store *store)
{
    return store->segment.open ? &store->segment.facts : NULL;
}

static uint64_t bound_of(const struct snapshot_store *store)
{
    return store->values.freeze_octets_max ? store->values.freeze_octets_max
                                           : store->values.octets / 2;
}

bool snapshot_store_is_frozen(const struct snapshot_store *store, size_t place, uint64_t now_ns)
{
    uint64_t sum = 0;
    if (!wanted(store, &store->slots[place].facts, now_ns))
        return false;
    for (size_t i = 0; i <= place; i++)
        sum += wanted(store, &store->slots[i].facts, now_ns) ? store->slots[i].reserved : 0;
    return sum <= bound_of(store);
}

/* The octets of all closed segments that are wanted. */
static uint64_t wanted_octets(const struct snapshot_store *store, uint64_t now_ns)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < store->slot_count; i++)
        sum += wanted(store, &store->slots[i].facts, now_ns) ? store->slots[i].reserved : 0;
    return sum;
}

bool snapshot_store_holds_written(const struct snapshot_store *store, uint64_t now_ns)
{
    return written(store) && wanted(store, written(store), now_ns) &&
           wanted_octets(store, now_ns) + store->segment.limit <= bound_of(store);
}

uint64_t snapshot_store_frozen_octets(const struct snapshot_store *store, uint64_t now_ns)
{
    uint64_t sum = 0, held = 0;
    for (size_t i = 0; i < store->slot_count; i++)
        if (wanted(store, &store->slots[i].facts, now_ns)) {
            sum += store->slots[i].reserved;
            held = sum <= bound_of(store) ? sum : held;
        }
    return snapshot_store_holds_written(store, now_ns) ? sum + store->segment.limit : held;
}

static bool write_in(int folder, const struct snapshot_freeze *freezes, size_t count)
{
    int file =
        openat(folder, new_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (file < 0)
        return false;
    bool good = true;
    for (size_t i = 0; i < count; i++)
        good = good && dprintf(file, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %s\n", freezes[i].from_ns,
                               freezes[i].to_ns, freezes[i].expires_ns, freezes[i].name) > 0;
    good = good && fsync(file) == 0;
    int cause = errno;
    close(file);
    if (good && renameat(folder, new_name, folder, freezes_name) == 0 && fsync(folder) == 0)
        return true;
    if (good)
        cause = errno;
    unlinkat(folder, new_name, 0);
    errno = cause;
    return false;
}

bool snapshot_store_save_freezes(struct snapshot_store *store)
{
    struct snapshot_freeze freezes[SNAPSHOT_FREEZES_MAX];
    pthread_mutex_lock(&store->lock);
    bool changed = store->freezes_changed;
    size_t count = store->freeze_count;
    memcpy(freezes, store->freezes, count * sizeof *freezes);
    store->freezes_changed = false;
    pthread_mutex_unlock(&store->lock);
    if (!changed || write_in(store->folder, freezes, count))
        return true;
    int cause = errno;
    pthread_mutex_lock(&store->lock);
    store->freezes_changed = true;
    pthread_mutex_unlock(&store->lock);
    errno = cause;
    return false;
}

static bool name_is_good(const char *name)
{
    size_t length = strnlen(name, SNAPSHOT_FREEZE_NAME_MAX);
    if (!length || length == SNAPSHOT_FREEZE_NAME_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        if (name[i] < ' ' || name[i] > '~' || name[i] == '"' || name[i] == '\\')
            return false;
    return name[0] != ' ';
}

static bool read_line(const char *line, struct snapshot_freeze *freeze)
{
    int used = 0;
    memset(freeze, 0, sizeof *freeze);
    if (sscanf(line, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %n", &freeze->from_ns, &freeze->to_ns,
               &freeze->expires_ns, &used) != 3 ||
        !used || !name_is_good(line + used))
        return false;
    snprintf(freeze->name, sizeof freeze->name, "%s", line + used);
    return true;
}

void snapshot_store_load_freezes(struct snapshot_store *store, struct error *note)
{
    char text[FILE_OCTETS_MAX + 1];
    struct snapshot_freeze freezes[SNAPSHOT_FREEZES_MAX];
    size_t count = 0, bad = 0;
    int file = openat(store->folder, freezes_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t octets = file >= 0 ? read(file, text, FILE_OCTETS_MAX) : 0;
    if (file >= 0)
        close(file);
    text[octets > 0 ? octets : 0] = '\0';
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
        if (line[0] && count < SNAPSHOT_FREEZES_MAX && read_line(line, &freezes[count]))
            count++;
        else
            bad += line[0] != '\0';
    if (bad)
        error_set(note, "%s/%s: %zu lines are not understood and hold nothing",
                  store->values.directory, freezes_name, bad);
    pthread_mutex_lock(&store->lock);
    if (!store->freezes_changed) { /* else the list is newer than the file */
        memcpy(store->freezes, freezes, count * sizeof *freezes);
        store->freeze_count = count;
    }
    pthread_mutex_unlock(&store->lock);
}

/* What is frozen if FREEZE comes to it. Under the lock. */
static uint64_t frozen_with(const struct snapshot_store *store,
                            const struct snapshot_freeze *freeze, uint64_t now_ns)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < store->slot_count; i++)
        if (wanted(store, &store->slots[i].facts, now_ns) ||
            overlaps(&store->slots[i].facts, freeze))
            sum += store->slots[i].reserved;
    const struct snapshot_segment_facts *last = written(store);
    if (last && (wanted(store, last, now_ns) || overlaps(last, freeze)))
        sum += store->segment.limit;
    return sum;
}

/* Why FREEZE cannot be; NULL: it can. Under the lock. */
static const char *refusal(const struct snapshot_store *store, const struct snapshot_freeze *freeze,
                           uint64_t now_ns)
{
    if (!name_is_good(freeze->name))
        return "the name must be 1 to 63 printable characters without quotes and backslashes";
    if (freeze->to_ns < freeze->from_ns)
        return "the window ends before it begins";
    if (freeze->expires_ns <= now_ns)
        return "it would expire at once";
    if (store->freeze_count == SNAPSHOT_FREEZES_MAX)
        return "there are too many; release one first";
    for (size_t i = 0; i < store->freeze_count; i++)
        if (strcmp(store->freezes[i].name, freeze->name) == 0)
            return "there is one of this name; release it first";
    if (frozen_with(store, freeze, now_ns) > bound_of(store))
        return "the segments would exceed what may be frozen (freeze limit); "
               "choose a shorter window or release another";
    return NULL;
}

bool snapshot_store_freeze(struct snapshot_store *store, const struct snapshot_freeze *freeze,
                           uint64_t now_ns, struct error *error)
{
    pthread_mutex_lock(&store->lock);
    const char *reason = refusal(store, freeze, now_ns);
    if (!reason) {
        store->freezes[store->freeze_count++] = *freeze;
        store->freezes_changed = true;
    }
    pthread_mutex_unlock(&store->lock);
    if (reason)
        error_set(error, "freeze %.63s: %s", freeze->name, reason);
    return !reason;
}

/* Takes out the one of the name RELEASED; NULL: all that expired. Whether there were any. */
static bool keep_some(struct snapshot_store *store, const char *released, uint64_t now_ns)
{
    size_t count = 0;
    pthread_mutex_lock(&store->lock);
    for (size_t i = 0; i < store->freeze_count; i++)
        if (released ? strcmp(store->freezes[i].name, released) != 0
                     : store->freezes[i].expires_ns > now_ns)
            store->freezes[count++] = store->freezes[i];
    bool any = count != store->freeze_count;
    store->freeze_count = count;
    store->freezes_changed |= any;
    pthread_mutex_unlock(&store->lock);
    return any;
}

bool snapshot_store_unfreeze(struct snapshot_store *store, const char *name, struct error *error)
{
    bool good = keep_some(store, name, 0);
    if (!good)
        error_set(error, "release %.63s: there is no freeze of this name", name);
    return good;
}

void snapshot_store_expire_freezes(struct snapshot_store *store, uint64_t now_ns)
{
    keep_some(store, NULL, now_ns);
}

/* The segment FACTS is of the windows of FREEZES, and HELD or beyond the bound. */
static void add_to_each(struct snapshot_freeze *freezes, size_t count,
                        const struct snapshot_segment_facts *facts, bool held)
{
    for (size_t i = 0; i < count; i++)
        if (overlaps(facts, &freezes[i])) {
            freezes[i].octets += held ? facts->octets : 0;
            freezes[i].partly |= !held;
        }
}

size_t snapshot_store_freezes(struct snapshot_store *store, struct snapshot_freeze *freezes,
                              size_t max)
{
    pthread_mutex_lock(&store->lock);
    size_t count = store->freeze_count;
    uint64_t bound = bound_of(store), sum = 0;
    for (size_t i = 0; i < count && i < max; i++)
        freezes[i] = store->freezes[i];
    for (size_t j = 0; j < store->slot_count; j++) {
        if (!wanted(store, &store->slots[j].facts, 0))
            continue;
        sum += store->slots[j].reserved;
        add_to_each(freezes, count < max ? count : max, &store->slots[j].facts, sum <= bound);
    }
    const struct snapshot_segment_facts *last = written(store);
    if (last && wanted(store, last, 0))
        add_to_each(freezes, count < max ? count : max, last, sum + store->segment.limit <= bound);
    pthread_mutex_unlock(&store->lock);
    return count;
}
