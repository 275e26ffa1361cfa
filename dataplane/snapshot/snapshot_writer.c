/* The snapshot writer. See snapshot_writer.h. */
#include "snapshot/snapshot_writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot/snapshot_ring.h"
#include "snapshot/snapshot_store_private.h"

enum { BLOCKS_OF_TURN = 16 };
static const uint64_t retry_ns = 3000000000, look_ns = 1000000000;

/* What the rings say of losses, summed. */
struct losses {
    uint64_t cut_off, overload;
};

struct snapshot_writer {
    struct snapshot_writer_settings settings; /* strings of it are not used after the start */
    struct snapshot_store *store;
    _Atomic bool loaded; /* the store was open at least once */
    bool attached;       /* it is open now */
    struct snapshot_indexer *indexer;
    struct snapshot_interfaces *interfaces; /* of the rings */
    struct snapshot_segment_names names;    /* of them, all that are known */
    uint64_t retry_at_ns, looked_ns;
    uint64_t save_at_ns;                    /* not before: the freezes could not be written */
    struct losses opened_with;              /* when the open segment was begun */
    uint64_t kept[SNAPSHOT_INTERFACES_MAX]; /* packets of the open segment, by interface */
    pthread_mutex_t lock;                   /* guards what follows */
    struct snapshot_ring *rings[SNAPSHOT_RINGS_MAX];
    uint32_t ring_count;
    struct losses gone; /* of rings that are no longer served */
    struct snapshot_writer_state state;
};

static void tell(struct snapshot_writer *writer, const char *line)
{
    if (writer->settings.tell && line[0])
        writer->settings.tell(writer->settings.context, line);
}

/* From now on nothing can be stored: one line when it begins or the reason changes. */
static void fail(struct snapshot_writer *writer, uint64_t now_ns,
                 enum ledger_snapshot_failed reason, const char *line)
{
    pthread_mutex_lock(&writer->lock);
    bool news = !writer->state.faulty || writer->state.reason != reason;
    writer->state.faulty = true;
    writer->state.reason = reason;
    if (news)
        snprintf(writer->state.fault, sizeof writer->state.fault, "%.255s", line);
    pthread_mutex_unlock(&writer->lock);
    writer->retry_at_ns = now_ns + retry_ns;
    if (news)
        tell(writer, line);
}

static void fail_by_errno(struct snapshot_writer *writer, uint64_t now_ns, const char *what)
{
    struct error line;
    int cause = errno;
    const char *directory = snapshot_store_directory(writer->store);
    if (!snapshot_store_is_there(writer->store)) {
        error_set(&line,
                  "snapshot ring %s: the directory is gone; packets are not kept until it "
                  "can be made again",
                  directory);
        fail(writer, now_ns, SNAPSHOT_FAILED_GONE, line.text);
        return;
    }
    error_set(&line, "snapshot ring %s: %s: %s; packets are not kept until it can be written again",
              directory, what, strerror(cause));
    enum ledger_snapshot_failed reason = snapshot_failure_of(cause);
    fail(writer, now_ns, reason == SNAPSHOT_FAILED_GONE ? SNAPSHOT_FAILED_WRITE : reason,
         line.text);
}

static void recovered(struct snapshot_writer *writer)
{
    struct error line;
    pthread_mutex_lock(&writer->lock);
    bool was = writer->state.faulty;
    writer->state.faulty = false;
    writer->state.fault[0] = '\0';
    pthread_mutex_unlock(&writer->lock);
    if (!was)
        return;
    error_set(&line, "snapshot ring %s: packets are kept again",
              snapshot_store_directory(writer->store));
    tell(writer, line.text);
}

/* Loads the store. False: told. */
static bool attach_store(struct snapshot_writer *writer, uint64_t now_ns, struct error *note,
                         struct error *error)
{
    enum ledger_snapshot_failed reason;
    bool direct = writer->store->direct = true;
    writer->attached = snapshot_store_load(writer->store, now_ns, note, error, &reason);
    if (!writer->attached) {
        fail(writer, now_ns, reason, error->text);
        return false;
    }
    pthread_mutex_lock(&writer->lock);
    writer->state.direct = direct;
    pthread_mutex_unlock(&writer->lock);
    atomic_store_explicit(&writer->loaded, true, memory_order_release);
    return true;
}

struct snapshot_writer *snapshot_writer_create(const struct snapshot_writer_settings *settings,
                                               uint64_t now_ns, struct error *note,
                                               struct error *error)
{
    struct snapshot_writer *writer = calloc(1, sizeof *writer);
    error_set(note, "%s", "");
    error_set(error, "%s", "");
    if (writer) {
        writer->indexer = snapshot_indexer_create();
        writer->store = snapshot_store_make(&settings->store, error);
    }
    if (!writer || !writer->indexer || !writer->store) {
        if (!error->text[0])
            error_set(error, "snapshot ring: no memory");
        if (writer) {
            snapshot_indexer_destroy(writer->indexer);
            snapshot_store_close(writer->store);
        }
        free(writer);
        return NULL;
    }
    pthread_mutex_init(&writer->lock, NULL);
    attach_store(writer, now_ns, note, error); /* ERROR tells it: nobody has to be told again */
    writer->settings = *settings;
    return writer;
}

static struct losses losses_of(const struct snapshot_ring *ring)
{
    struct snapshot_ring_counts counts;
    snapshot_ring_counts(ring, &counts);
    return (struct losses){counts.cut_off_packets, counts.overload_packets};
}

/* Of all rings there were. */
static struct losses all_losses(struct snapshot_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    struct losses sum = writer->gone;
    for (uint32_t i = 0; i < writer->ring_count; i++) {
        struct losses one = losses_of(writer->rings[i]);
        sum.cut_off += one.cut_off;
        sum.overload += one.overload;
    }
    pthread_mutex_unlock(&writer->lock);
    return sum;
}

/* What the end of a segment says of an interface. */
static void fill_statistics(void *context, struct snapshot_statistics *statistics)
{
    static _Thread_local char comment[160];
    struct snapshot_writer *writer = context;
    uint64_t received = UINT64_MAX, dropped = UINT64_MAX;
    if (writer->settings.losses)
        writer->settings.losses(writer->settings.context, statistics->interface, &received,
                                &dropped);
    statistics->received = received;
    statistics->dropped = dropped;
    if (statistics->interface < SNAPSHOT_INTERFACES_MAX)
        statistics->kept = writer->kept[statistics->interface];
    if (statistics->interface)
        return;
    struct losses now = all_losses(writer);
    snprintf(comment, sizeof comment,
             "all interfaces, while this file was written: %llu packets not kept by cutoff, %llu "
             "not kept because the disk was too slow",
             (unsigned long long)(now.cut_off - writer->opened_with.cut_off),
             (unsigned long long)(now.overload - writer->opened_with.overload));
    statistics->comment = comment;
}

static bool end_segment(struct snapshot_writer *writer, uint64_t now_ns)
{
    if (snapshot_store_end(writer->store, now_ns, fill_statistics, writer))
        return true;
    fail_by_errno(writer, now_ns, "a segment cannot be closed");
    return false;
}

void snapshot_writer_finish_segment(struct snapshot_writer *writer, uint64_t now_ns)
{
    if (writer->attached && writer->store->segment.open && writer->store->segment.facts.blocks)
        end_segment(writer, now_ns);
}

void snapshot_writer_destroy(struct snapshot_writer *writer)
{
    if (!writer)
        return;
    for (uint32_t i = 0; i < writer->ring_count; i++)
        snapshot_ring_release(writer->rings[i]);
    snapshot_store_close(writer->store);
    snapshot_indexer_destroy(writer->indexer);
    snapshot_names_clear(&writer->names);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

bool snapshot_writer_attach(struct snapshot_writer *writer, struct snapshot_ring *ring)
{
    pthread_mutex_lock(&writer->lock);
    bool room = writer->ring_count < SNAPSHOT_RINGS_MAX;
    if (room) {
        snapshot_ring_hold(ring);
        writer->rings[writer->ring_count++] = ring;
    }
    pthread_mutex_unlock(&writer->lock);
    return room;
}

bool snapshot_writer_has(struct snapshot_writer *writer, const struct snapshot_ring *ring)
{
    bool found = false;
    pthread_mutex_lock(&writer->lock);
    for (uint32_t i = 0; i < writer->ring_count; i++)
        found |= writer->rings[i] == ring;
    pthread_mutex_unlock(&writer->lock);
    return found;
}

/* RING is empty and nobody writes into it. */
static void leave(struct snapshot_writer *writer, struct snapshot_ring *ring)
{
    struct losses last = losses_of(ring);
    pthread_mutex_lock(&writer->lock);
    for (uint32_t i = 0; i < writer->ring_count; i++)
        if (writer->rings[i] == ring) {
            writer->rings[i] = writer->rings[--writer->ring_count];
            break;
        }
    writer->gone.cut_off += last.cut_off;
    writer->gone.overload += last.overload;
    pthread_mutex_unlock(&writer->lock);
    snapshot_ring_release(ring);
}

/* Interfaces that came since, into `names`. False: errno. */
static bool learn_interfaces(struct snapshot_writer *writer, const struct snapshot_ring *ring)
{
    const struct snapshot_interfaces *interfaces = snapshot_ring_config(ring)->interfaces;
    uint32_t count = snapshot_interfaces_count(interfaces);
    while (writer->names.count < count) {
        const struct snapshot_interface *known =
            snapshot_interfaces_get(interfaces, writer->names.count);
        struct snapshot_segment_interface one = {.link_type = known->link_type};
        snprintf(one.name, sizeof one.name, "%s", known->name);
        if (!snapshot_names_add(&writer->names, &one)) {
            errno = ENOMEM;
            return false;
        }
    }
    return true;
}

static bool begin_segment(struct snapshot_writer *writer, uint64_t now_ns)
{
    if (!snapshot_store_begin(writer->store, &writer->names, now_ns)) {
        fail_by_errno(writer, now_ns, "a segment cannot be begun");
        return false;
    }
    memset(writer->kept, 0, sizeof writer->kept);
    writer->opened_with = all_losses(writer);
    pthread_mutex_lock(&writer->lock);
    writer->state.direct = writer->store->direct;
    pthread_mutex_unlock(&writer->lock);
    return true;
}

/* The segment that takes the block. False: told. */
static bool make_room(struct snapshot_writer *writer, uint32_t octets, uint64_t now_ns)
{
    struct snapshot_segment_writer *segment = &writer->store->segment;
    for (unsigned tries = 0; tries < 2; tries++) {
        if (!segment->open && !begin_segment(writer, now_ns))
            return false;
        errno = 0;
        if (snapshot_segment_add_interfaces(segment, &writer->names) &&
            snapshot_segment_has_room(segment, octets))
            return true;
        if (errno) {
            fail_by_errno(writer, now_ns, "a segment cannot be written");
            return false;
        }
        if (!end_segment(writer, now_ns))
            return false;
    }
    errno = EFBIG;
    fail_by_errno(writer, now_ns, "a block does not fit a segment");
    return false;
}

/* Packets by interface; the block's own, so its structure is good. */
static void count_interfaces(struct snapshot_writer *writer, const struct snapshot_sealed *sealed)
{
    struct snapshot_packet packet;
    uint32_t offset = SNAPSHOT_BLOCK_FIRST;
    while (snapshot_block_next(sealed->block, sealed->used, &offset, &packet) ==
           SNAPSHOT_WALK_PACKET)
        if (packet.interface < SNAPSHOT_INTERFACES_MAX)
            writer->kept[packet.interface]++;
}

static bool store_block(struct snapshot_writer *writer, const struct snapshot_ring *ring,
                        const struct snapshot_sealed *sealed, uint64_t now_ns)
{
    struct snapshot_block_header *header = (struct snapshot_block_header *)sealed->block;
    header->crc = snapshot_block_crc(sealed->block, sealed->used);
    if (!learn_interfaces(writer, ring) || !make_room(writer, sealed->used, now_ns))
        return false;
    if (!snapshot_segment_append(&writer->store->segment, writer->indexer, sealed->block,
                                 sealed->used)) {
        fail_by_errno(writer, now_ns, "a block cannot be written");
        return false;
    }
    count_interfaces(writer, sealed);
    return true;
}

static void add(struct snapshot_sums *sums, const struct snapshot_sealed *sealed)
{
    sums->blocks++;
    sums->packets += sealed->header->packets;
    sums->frame_octets += sealed->header->octets;
}

static bool is_faulty(struct snapshot_writer *writer)
{
    return writer->state.faulty; /* changed by this thread alone */
}

/* Up to BLOCKS_OF_TURN blocks of RING. True: there were any. */
static bool serve(struct snapshot_writer *writer, struct snapshot_ring *ring, uint64_t now_ns)
{
    struct snapshot_sealed sealed;
    unsigned count = 0;
    snapshot_ring_answer(ring);
    for (; count < BLOCKS_OF_TURN && snapshot_ring_peek(ring, 0, &sealed); count++) {
        bool stored = !is_faulty(writer) && store_block(writer, ring, &sealed, now_ns);
        pthread_mutex_lock(&writer->lock);
        add(stored ? &writer->state.stored : &writer->state.failed[writer->state.reason], &sealed);
        writer->state.disk_octets += stored ? sealed.used : 0;
        enum ledger_snapshot_failed reason = writer->state.reason;
        pthread_mutex_unlock(&writer->lock);
        snapshot_ring_done(ring, stored
                                     ? SNAPSHOT_STORED
                                     : (enum snapshot_outcome)(SNAPSHOT_LOST_WRITE + (int)reason));
    }
    if (!count && snapshot_ring_drained(ring))
        leave(writer, ring);
    return count > 0;
}

/* Tries whether the disk works again. */
static void try_again(struct snapshot_writer *writer, uint64_t now_ns)
{
    struct error note = {""}, error = {""};
    writer->retry_at_ns = now_ns + retry_ns;
    if (writer->attached && !snapshot_store_is_there(writer->store)) {
        snapshot_store_unload(writer->store);
        writer->attached = false;
    }
    if (!writer->attached) {
        if (!attach_store(writer, now_ns, &note, &error))
            return;
        tell(writer, note.text);
    }
    if (writer->store->closing && !end_segment(writer, now_ns))
        return;
    if (!writer->store->segment.open && !begin_segment(writer, now_ns))
        return;
    recovered(writer);
}

/* What is done now and then while the disk works. */
static void keep_house(struct snapshot_writer *writer, uint64_t now_ns)
{
    struct error error = {""};
    if (now_ns < writer->looked_ns + look_ns && now_ns >= writer->looked_ns &&
        !snapshot_store_resizes(writer->store))
        return;
    writer->looked_ns = now_ns;
    errno = ENOENT;
    if (!snapshot_store_is_there(writer->store)) {
        fail_by_errno(writer, now_ns, "");
        return;
    }
    if (snapshot_store_is_due(writer->store, now_ns) && !end_segment(writer, now_ns))
        return;
    if (snapshot_store_keep_house(writer->store, now_ns, &error))
        return;
    if (error.text[0]) { /* the size that is wanted cannot be had; what is there goes on */
        struct error line;
        error_set(&line, "snapshot ring %s: %s", snapshot_store_directory(writer->store),
                  error.text);
        tell(writer, line.text);
    } else
        fail_by_errno(writer, now_ns, "old segments cannot be removed");
}

/* Writes down what was frozen and released. They hold in any case until the end of this run. */
static void save_freezes(struct snapshot_writer *writer, uint64_t now_ns)
{
    bool early = now_ns < writer->save_at_ns && writer->save_at_ns - now_ns <= retry_ns;
    if (!writer->attached || early)
        return;
    if (snapshot_store_save_freezes(writer->store)) {
        writer->save_at_ns = 0;
        return;
    }
    struct error line;
    error_set(&line,
              "snapshot ring %s: freezes cannot be written down: %s; they hold, but not over "
              "a restart until they can",
              snapshot_store_directory(writer->store), strerror(errno));
    if (!writer->save_at_ns)
        tell(writer, line.text);
    writer->save_at_ns = now_ns + retry_ns;
}

bool snapshot_writer_step(struct snapshot_writer *writer, uint64_t now_ns)
{
    struct snapshot_ring *rings[SNAPSHOT_RINGS_MAX];
    pthread_mutex_lock(&writer->lock);
    uint32_t count = writer->ring_count;
    memcpy(rings, writer->rings, count * sizeof(struct snapshot_ring *));
    pthread_mutex_unlock(&writer->lock);
    if (is_faulty(writer) && now_ns >= writer->retry_at_ns)
        try_again(writer, now_ns);
    if (!is_faulty(writer))
        keep_house(writer, now_ns);
    save_freezes(writer, now_ns);
    bool busy = false;
    for (uint32_t i = 0; i < count; i++)
        busy |= serve(writer, rings[i], now_ns);
    return busy;
}

void snapshot_writer_configure(struct snapshot_writer *writer,
                               const struct snapshot_settings *settings)
{
    snapshot_store_configure(writer->store, settings);
}

struct snapshot_store *snapshot_writer_store(struct snapshot_writer *writer)
{
    return atomic_load_explicit(&writer->loaded, memory_order_acquire) ? writer->store : NULL;
}

void snapshot_writer_tell(struct snapshot_writer *writer, struct snapshot_writer_state *state)
{
    pthread_mutex_lock(&writer->lock);
    *state = writer->state;
    pthread_mutex_unlock(&writer->lock);
}
