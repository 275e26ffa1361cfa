/* The store as others see it. See snapshot_store.h. */
#include "snapshot/snapshot_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snapshot/snapshot_segment_private.h"
#include "snapshot/snapshot_store_private.h"

enum {
    MEBIBYTE = 1 << 20,
    SEGMENTS = 64,
    SEGMENT_MEBIBYTES_MIN = 16,
    SEGMENT_MEBIBYTES_MAX = 1024,
    SMALLEST_MEBIBYTES = 4, /* of a ring: two segments, each with room for a block */
    OPEN_TRIES = 3
};

/* Copies TEXT to OUT of ROOM; what is too long is cut. */
static void copy_text(char *out, size_t room, const char *text)
{
    snprintf(out, room, "%s", text ? text : "");
}

bool snapshot_store_take(struct snapshot_store_values *values,
                         const struct snapshot_settings *settings, struct error *error)
{
    if (strlen(settings->directory) >= sizeof values->directory) {
        error_set(error, "snapshot ring: the path of the directory has more than %zu octets",
                  sizeof values->directory - 1);
        return false;
    }
    if (settings->octets / MEBIBYTE < SMALLEST_MEBIBYTES) {
        error_set(error, "snapshot ring %s: its size must be at least %d MiB", settings->directory,
                  SMALLEST_MEBIBYTES);
        return false;
    }
    copy_text(values->directory, sizeof values->directory, settings->directory);
    copy_text(values->group, sizeof values->group, settings->group);
    copy_text(values->version, sizeof values->version, settings->version);
    copy_text(values->configuration, sizeof values->configuration, settings->configuration);
    copy_text(values->notice, sizeof values->notice, settings->notice);
    values->octets = settings->octets;
    values->maximum_age_ns = settings->maximum_age_ns;
    values->wanted_age_ns = settings->wanted_age_ns;
    values->freeze_octets_max = settings->freeze_octets_max;
    uint64_t size = settings->segment_octets / MEBIBYTE;
    if (!size) {
        size = settings->octets / SEGMENTS / MEBIBYTE;
        size = size < SEGMENT_MEBIBYTES_MIN ? SEGMENT_MEBIBYTES_MIN : size;
        size = size > SEGMENT_MEBIBYTES_MAX ? SEGMENT_MEBIBYTES_MAX : size;
    }
    if (size > settings->octets / 2 / MEBIBYTE)
        size = settings->octets / 2 / MEBIBYTE;
    values->segment_octets = (size < 2 ? 2 : size) * MEBIBYTE;
    return true;
}

struct snapshot_store *snapshot_store_make(const struct snapshot_settings *settings,
                                           struct error *error)
{
    struct snapshot_store *store = calloc(1, sizeof *store);
    if (!store) {
        error_set(error, "snapshot ring: no memory");
        return NULL;
    }
    if (!snapshot_store_take(&store->values, settings, error)) {
        free(store);
        return NULL;
    }
    pthread_mutex_init(&store->lock, NULL);
    store->folder = -1;
    store->manifest.file = -1;
    store->segment.file = -1;
    store->segment.lock = &store->lock;
    store->direct = true;
    return store;
}

struct snapshot_store *snapshot_store_open(const struct snapshot_settings *settings,
                                           uint64_t now_ns, struct error *note, struct error *error)
{
    enum ledger_snapshot_failed reason;
    error_set(note, "%s", "");
    struct snapshot_store *store = snapshot_store_make(settings, error);
    if (!store || snapshot_store_load(store, now_ns, note, error, &reason))
        return store;
    snapshot_store_close(store);
    return NULL;
}

void snapshot_store_close(struct snapshot_store *store)
{
    if (!store)
        return;
    if (store->folder >= 0)
        snapshot_store_save_freezes(store);
    snapshot_store_unload(store);
    snapshot_async_clear(&store->segment.async);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

const char *snapshot_store_directory(const struct snapshot_store *store)
{
    return store->values.directory;
}

int snapshot_store_open_folder(struct snapshot_store *store)
{
    pthread_mutex_lock(&store->lock);
    int folder = store->folder >= 0 ? fcntl(store->folder, F_DUPFD_CLOEXEC, 3) : -1;
    if (store->folder < 0)
        errno = ENOENT;
    pthread_mutex_unlock(&store->lock);
    return folder;
}

void snapshot_store_configure(struct snapshot_store *store,
                              const struct snapshot_settings *settings)
{
    const size_t behind = offsetof(struct snapshot_store_values, group);
    struct snapshot_store_values *values = malloc(sizeof *values);
    struct error ignored;
    if (values && snapshot_store_take(values, settings, &ignored)) {
        pthread_mutex_lock(&store->lock);
        store->resize |= store->values.octets != values->octets ||
                         store->values.segment_octets != values->segment_octets;
        /* The directory is read without the lock and stays as it is. */
        memcpy((char *)&store->values + behind, (const char *)values + behind,
               sizeof *values - behind);
        pthread_mutex_unlock(&store->lock);
    }
    free(values);
}

static bool overlaps(const struct snapshot_segment_facts *facts, uint64_t from_ns, uint64_t to_ns)
{
    return facts->packets && facts->first_ns <= to_ns && facts->last_ns >= from_ns;
}

size_t snapshot_store_list(struct snapshot_store *store, uint64_t from_ns, uint64_t to_ns,
                           struct snapshot_listed *list, size_t max)
{
    size_t count = 0;
    pthread_mutex_lock(&store->lock);
    for (size_t i = 0; i < store->slot_count; i++) {
        const struct snapshot_slot *slot = &store->slots[i];
        if (!overlaps(&slot->facts, from_ns, to_ns))
            continue;
        if (count < max) {
            list[count].facts = slot->facts;
            memcpy(list[count].name, slot->name, sizeof slot->name);
            list[count].frozen = snapshot_store_is_frozen(store, i, store->housed_ns);
        }
        count++;
    }
    if (store->segment.open && overlaps(&store->segment.facts, from_ns, to_ns)) {
        if (count < max)
            list[count] = (struct snapshot_listed){
                .facts = store->segment.facts,
                .frozen = snapshot_store_holds_written(store, store->housed_ns)};
        count++;
    }
    pthread_mutex_unlock(&store->lock);
    return count;
}

/* What can be read of segment NUMBER. Under the lock. */
static bool find_name(const struct snapshot_store *store, uint64_t number,
                      char name[SNAPSHOT_HIDDEN_MAX], bool *open)
{
    *open = store->segment.open && store->segment.facts.number == number;
    if (*open) {
        memcpy(name, store->hidden, sizeof store->hidden);
        return true;
    }
    for (size_t i = 0; i < store->slot_count; i++)
        if (store->slots[i].facts.number == number) {
            memcpy(name, store->slots[i].name, sizeof store->slots[i].name);
            return true;
        }
    return false;
}

/* Blocks and interfaces of the segment that is being written, as far as they are on the disk. */
static bool copy_written(struct snapshot_store *store, uint64_t number,
                         struct snapshot_segment *segment)
{
    const struct snapshot_segment_writer *writer = &store->segment;
    bool good = true;
    pthread_mutex_lock(&store->lock);
    bool same = writer->open && writer->facts.number == number;
    if (same) {
        good = snapshot_index_copy(&segment->index, &writer->index);
        for (uint32_t i = 0; good && i < writer->names.count; i++)
            good = snapshot_names_add(&segment->names, &writer->names.list[i]);
        segment->facts = writer->facts;
        if (segment->index.count > writer->facts.blocks)
            segment->index.count = writer->facts.blocks;
    }
    pthread_mutex_unlock(&store->lock);
    errno = good ? EAGAIN : ENOMEM;
    return good && same;
}

static struct snapshot_segment *open_written(struct snapshot_store *store, int folder,
                                             const char *hidden, uint64_t number,
                                             struct error *error)
{
    int file = snapshot_segment_open_file(folder, hidden);
    struct snapshot_segment *segment = file >= 0 ? snapshot_segment_make(file, hidden) : NULL;
    if (segment && copy_written(store, number, segment))
        return segment;
    int cause = errno;
    if (cause != ENOENT && cause != EAGAIN) /* else it was closed meanwhile */
        error_set(error, "%s: %s", hidden, strerror(cause));
    snapshot_segment_close(segment);
    return NULL;
}

struct snapshot_segment *snapshot_store_open_segment(struct snapshot_store *store, uint64_t number,
                                                     struct error *error)
{
    struct snapshot_segment *segment = NULL;
    error_set(error, "%s", "");
    int folder = snapshot_store_open_folder(store);
    if (folder < 0)
        return NULL;
    for (unsigned i = 0; !segment && i < OPEN_TRIES; i++) {
        char name[SNAPSHOT_HIDDEN_MAX];
        bool open;
        pthread_mutex_lock(&store->lock);
        bool found = find_name(store, number, name, &open);
        pthread_mutex_unlock(&store->lock);
        error_set(error, "%s", "");
        if (!found)
            break;
        segment = open ? open_written(store, folder, name, number, error)
                       : snapshot_segment_open(folder, name, error);
    }
    close(folder);
    return segment;
}

void snapshot_store_release_segment(struct snapshot_store *store, struct snapshot_segment *segment)
{
    (void)store; /* the pin is a lock on the file */
    snapshot_segment_close(segment);
}

void snapshot_store_count_damaged(struct snapshot_store *store, uint64_t blocks)
{
    pthread_mutex_lock(&store->lock);
    store->damaged_blocks += blocks;
    pthread_mutex_unlock(&store->lock);
}

static void add_facts(struct snapshot_store_state *state,
                      const struct snapshot_segment_facts *facts)
{
    state->octets_held += facts->octets;
    state->segments++;
    state->blocks += facts->blocks;
    state->packets += facts->packets;
    if (facts->packets && (!state->oldest_ns || facts->first_ns < state->oldest_ns))
        state->oldest_ns = facts->first_ns;
    if (facts->last_ns > state->newest_ns)
        state->newest_ns = facts->last_ns;
    if (!state->oldest_written_ns)
        state->oldest_written_ns = facts->opened_ns;
}

/* What the rate of what is held asks for. */
static void judge(struct snapshot_store_state *state, const struct snapshot_store_values *values,
                  uint64_t now_ns, bool full)
{
    uint64_t span_s = state->oldest_written_ns && now_ns > state->oldest_written_ns
                          ? (now_ns - state->oldest_written_ns) / 1000000000
                          : 0;
    state->octets_per_second = state->octets_held / (span_s ? span_s : 1);
    if (!values->wanted_age_ns)
        return;
    uint64_t wanted_s = values->wanted_age_ns / 1000000000;
    state->octets_wanted = state->octets_per_second * wanted_s;
    state->short_of_wanted =
        (full && span_s < wanted_s) ||
        (values->maximum_age_ns && values->maximum_age_ns < values->wanted_age_ns);
}

void snapshot_store_tell(struct snapshot_store *store, uint64_t now_ns,
                         struct snapshot_store_state *state)
{
    memset(state, 0, sizeof *state);
    pthread_mutex_lock(&store->lock);
    for (size_t i = 0; i < store->slot_count; i++)
        add_facts(state, &store->slots[i].facts);
    if (store->segment.open)
        add_facts(state, &store->segment.facts);
    state->octets_reserved =
        store->values.octets / store->values.segment_octets * store->values.segment_octets;
    uint64_t used = store->segment.open ? store->segment.limit : 0;
    for (size_t i = 0; i < store->slot_count; i++)
        used += store->slots[i].reserved;
    state->octets_frozen = snapshot_store_frozen_octets(store, now_ns);
    state->damaged_blocks = store->damaged_blocks;
    state->overwritten = store->overwritten;
    state->expired = store->expired;
    judge(state, &store->values, now_ns,
          used + store->values.segment_octets > state->octets_reserved);
    pthread_mutex_unlock(&store->lock);
}
