/*
 * Changes of a destination. See destination_change.h.
 */
#include "destination_change.h"

#include <assert.h>
#include <string.h>

#include "base/check.h"
#include "destination_encode.h"
#include "destination_merge.h"

static const uint64_t patience_ns = 10 * 1000000000ull;

/* ---- what changes ---- */

static bool is_stream(enum destination_kind kind)
{
    return kind == DESTINATION_TCP || kind == DESTINATION_TLS || kind == DESTINATION_SCTP;
}

/* Every setting of a destination but its name, its group and the port that is filled in. */
#define SETTINGS_NUMBERS(X)                                                                        \
    X(kind)                                                                                        \
    X(port)                                                                                        \
    X(unverified)                                                                                  \
    X(format)                                                                                      \
    X(leader_alone)                                                                                \
    X(encrypted)                                                                                   \
    X(version)                                                                                     \
    X(profile)                                                                                     \
    X(element_count)                                                                               \
    X(biflow)                                                                                      \
    X(scale)                                                                                       \
    X(aggregates)                                                                                  \
    X(lists)                                                                                       \
    X(brands)                                                                                      \
    X(names)                                                                                       \
    X(time_unit)                                                                                   \
    X(domain)                                                                                      \
    X(mtu)                                                                                         \
    X(rate)                                                                                        \
    X(rate_set)                                                                                    \
    X(rotation_s)                                                                                  \
    X(rotation_octets)                                                                             \
    X(checksum)                                                                                    \
    X(zstd)                                                                                        \
    X(client_port_records)                                                                         \
    X(client_port_window_s)
#define SETTINGS_TEXTS(X)                                                                          \
    X(host)                                                                                        \
    X(source_address)                                                                              \
    X(certificate)                                                                                 \
    X(private_key)                                                                                 \
    X(authority)                                                                                   \
    X(path)                                                                                        \
    X(brokers)                                                                                     \
    X(topic)                                                                                       \
    X(compression)                                                                                 \
    X(anonymisation_key)
static_assert(sizeof(struct destination_config) == 8464, "a new setting belongs to these lists");

bool destination_is_as(const struct destination *d, const struct destination_config *config)
{
    const struct destination_config *a = d->config, *b = config;
    bool same = true;
#define SAME_NUMBER(member) same = same && a->member == b->member;
#define SAME_TEXT(member)   same = same && strcmp(a->member, b->member) == 0;
    SETTINGS_NUMBERS(SAME_NUMBER)
    SETTINGS_TEXTS(SAME_TEXT)
    return same && memcmp(a->elements, b->elements, a->element_count * sizeof a->elements[0]) == 0;
}

static bool same_collector(const struct destination_config *a, const struct destination_config *b)
{
    return strcmp(a->host, b->host) == 0 && a->port == b->port &&
           strcmp(a->source_address, b->source_address) == 0;
}

bool destination_may_stay(const struct destination *d, const struct destination *fresh)
{
    const struct destination_config *a = d->config, *b = fresh->config;
    bool same_stream = a->version == b->version && a->domain == b->domain;
    switch (b->kind) {
    case DESTINATION_UDP:
        return a->kind == b->kind && same_stream && same_collector(a, b);
    case DESTINATION_FILE:
    case DESTINATION_JSON:
        return a->kind == b->kind && strcmp(a->path, b->path) == 0;
    case DESTINATION_KAFKA:
        if (a->kind != b->kind || a->format != b->format)
            return false;
        return b->format == KAFKA_JSON || (same_stream && strcmp(a->topic, b->topic) == 0);
    case DESTINATION_DTLS:
        return a->kind == b->kind && same_stream;
    case DESTINATION_TCP:
    case DESTINATION_TLS:
    case DESTINATION_SCTP:
        break;
    }
    return is_stream(a->kind) && same_stream;
}

bool destination_transport_differs(const struct destination *d, const struct destination *fresh)
{
    const struct destination_config *a = d->config, *b = fresh->config;
    if (!destination_can_spool(b->kind)) /* it would not stay */
        return false;
    return a->kind != b->kind || !same_collector(a, b) ||
           /* What a broker has not acknowledged may come to the other spool: not what has left. */
           (b->kind == DESTINATION_KAFKA && d->process->spool != fresh->process->spool) ||
           (b->kind == DESTINATION_DTLS && a->mtu != b->mtu) || a->unverified != b->unverified ||
           a->leader_alone != b->leader_alone || a->encrypted != b->encrypted ||
           strcmp(a->certificate, b->certificate) != 0 ||
           strcmp(a->private_key, b->private_key) != 0 || strcmp(a->authority, b->authority) != 0 ||
           strcmp(a->brokers, b->brokers) != 0 || strcmp(a->topic, b->topic) != 0 ||
           strcmp(a->compression, b->compression) != 0;
}

/* A template or an options template of a destination, I below MEANINGS. */
enum { MEANINGS = TEMPLATE_KINDS + OPTIONS_KINDS + 2 };

struct meaning {
    uint16_t *id;
    const uint16_t *fields;
    uint16_t field_count, scope_count;
};

static struct meaning meaning_of(struct destination *d, unsigned i)
{
    if (i < TEMPLATE_KINDS) {
        struct template *template = &d->templates.kinds[i];
        return (struct meaning){&template->id, template->fields, template->field_count, 0};
    }
    struct options_template *options = i == MEANINGS - 1   ? &d->file.window
                                       : i == MEANINGS - 2 ? &d->file.checksum
                                                           : &d->options.kinds[i - TEMPLATE_KINDS];
    return (struct meaning){&options->id, options->fields, options->field_count,
                            options->scope_count};
}

static bool means_the_same(const struct meaning *a, const struct meaning *b)
{
    return a->field_count == b->field_count && a->scope_count == b->scope_count &&
           memcmp(a->fields, b->fields, a->field_count * sizeof a->fields[0]) == 0;
}

bool destination_encodes_alike(const struct destination *d, const struct destination *fresh)
{
    if (!destination_can_spool(fresh->config->kind) || destination_is_json(fresh->config))
        return true;
    for (unsigned i = 0; i < MEANINGS; i++) {
        /* Only read here. */
        const struct meaning a = meaning_of((struct destination *)(uintptr_t)d, i);
        const struct meaning b = meaning_of((struct destination *)(uintptr_t)fresh, i);
        if (*a.id != *b.id || (*a.id && !means_the_same(&a, &b)))
            return false;
    }
    return true;
}

bool destination_file_may_change(const struct destination *d, const struct destination *fresh,
                                 struct error *error)
{
    const struct destination_config *a = d->config, *b = fresh->config;
    bool rotates_a = a->rotation_s || a->rotation_octets;
    bool rotates_b = b->rotation_s || b->rotation_octets;
    if (destination_has_collector(b->kind) ||
        (a->zstd == b->zstd && a->checksum == b->checksum && rotates_a == rotates_b))
        return true;
    error_set(error,
              "%.200s: a file that is being written goes on in its form: give another path with "
              "another compression, checksum or rotation",
              b->name);
    return false;
}

static bool id_suits(const struct destination *d, struct destination *fresh, unsigned which)
{
    const struct meaning wanted = meaning_of(fresh, which);
    for (unsigned i = 0; i < MEANINGS; i++) {
        const struct meaning before = meaning_of((struct destination *)(uintptr_t)d, i);
        const struct meaning beside = meaning_of(fresh, i);
        if (*before.id == *wanted.id && !means_the_same(&before, &wanted))
            return false;
        if (i != which && *beside.id == *wanted.id)
            return false;
    }
    return true;
}

void destination_avoid_ids(const struct destination *d, struct destination *fresh)
{
    for (unsigned i = 0; i < MEANINGS; i++) {
        uint16_t *id = meaning_of(fresh, i).id;
        while (*id && !id_suits(d, fresh, i))
            *id = *id == 65535 ? TEMPLATE_ID_MIN : (uint16_t)(*id + 1);
    }
}

/* ---- in place ---- */

#define SWAP(member)                                                                               \
    do {                                                                                           \
        __typeof__(d->member) swapped = d->member;                                                 \
        d->member = fresh->member;                                                                 \
        fresh->member = swapped;                                                                   \
    } while (0)

static void adopt_encoder(struct destination *d, struct destination *fresh)
{
    uint64_t boot_ms = d->context.boot_ms;
    d->templates = fresh->templates;
    d->options = fresh->options;
    d->file.window = fresh->file.window;
    d->file.checksum = fresh->file.checksum;
    d->context = fresh->context;
    d->context.boot_ms = boot_ms;
    d->values = fresh->values;
    SWAP(json);
    SWAP(anonymiser);
    if (d->builder.domain != fresh->builder.domain) /* another stream, in a file */
        d->builder.sequence = 0;
    d->builder.domain = fresh->builder.domain;
    d->builder.version = fresh->builder.version;
    d->builder.sampling = fresh->builder.sampling;
    d->kafka.reserved = fresh->kafka.reserved;
    d->bounded = fresh->bounded;
    d->local_ipv4 = fresh->local_ipv4;
    d->message_octets = fresh->message_octets;
    d->opened_octets = fresh->opened_octets;
    d->slots_reserved = fresh->slots_reserved;
    d->queue_slots = fresh->queue_slots;
}

static void adopt_queue(struct destination *d, struct destination *fresh)
{
    if (fresh->queue.slot_count) {
        message_queue_move(&fresh->queue, &d->queue);
        SWAP(queue);
    }
    check(d->queue.slot_count >= fresh->queue_slots);
    d->queue.withheld = d->queue.slot_count - fresh->queue_slots;
}

/* Templates and options have to be told anew: in a session, which knows its templates, the data of
 * options alone. */
static void tell_again(struct destination *d)
{
    bool session = d->transport.ops->step && !d->kafka.partitioned;
    if (!session) {
        d->refreshed = false;
    } else if (d->session && !d->json) {
        d->options_kind = OPTIONS_AFTER_TEMPLATES;
        d->options_index = 0;
        d->options_next_ns = d->monotonic_ns;
    }
}

void destination_adopt(struct destination *d, struct destination *fresh, uint64_t monotonic_ns)
{
    const struct destination_config *a = d->config, *b = fresh->config;
    check(!d->shell);
    if (d->kafka.partitioned)
        destination_kafka_close_until(d, UINT64_MAX);
    destination_close_message(d);
    bool merges_alike = a->client_port_records == b->client_port_records &&
                        a->client_port_window_s == b->client_port_window_s &&
                        !a->names == !b->names;
    adopt_queue(d, fresh);
    adopt_encoder(d, fresh);
    d->rewires = fresh->transport.ops != NULL;
    if (destination_spool_differs(d) && !(d->rewires && b->kind == DESTINATION_KAFKA))
        destination_spool_exchange(d, fresh);
    else
        destination_spool_widen(d, fresh);
    pacing_change(&d->pacing, &fresh->pacing);
    if (!merges_alike)
        SWAP(client_ports);
    SWAP(config);
    d->shell = fresh;
    atomic_store(&d->busy, true);
    d->shell_by_ns = monotonic_ns + patience_ns;
    tell_again(d);
}

/* What is still to be sent of records that waited for others. */
static bool empty_merges(struct destination *d, bool late)
{
    struct destination *shell = d->shell;
    destination_merge_empty(d, shell->client_ports, late);
    return client_ports_due_ns(shell->client_ports) == UINT64_MAX;
}

/* The other transport, if nothing is under way in this one or nobody waits any longer. */
static bool rewire(struct destination *d, bool late)
{
    struct destination *fresh = d->shell;
    if (!d->rewires)
        return true;
    if (d->in_flight && !late)
        return false;
    struct error ignored = {""};
    destination_end_flight(d, DESTINATION_LOST_CONNECTION, true);
    destination_spool_session_ended(d);
    if (destination_spool_differs(d))
        destination_spool_exchange(d, fresh);
    d->transport.ops->complete(d->transport.state, &ignored);
    SWAP(transport);
    d->rewires = d->reached = d->blocked = d->renews = false;
    d->session = 0;
    d->session_next_ns = d->monotonic_ns;
    return true;
}

bool destination_changes(const struct destination *d)
{
    return d->shell != NULL;
}

struct destination *destination_change_step(struct destination *d)
{
    if (!d->shell)
        return NULL;
    bool late = d->monotonic_ns >= d->shell_by_ns || d->broken;
    bool done = empty_merges(d, late);
    if (!rewire(d, late) || !done)
        return NULL;
    struct destination *shell = d->shell;
    d->shell = NULL;
    return shell;
}

/* ---- leaving ---- */

void destination_leave(struct destination *d, bool removed, uint64_t monotonic_ns)
{
    d->leaving = true;
    d->removed = removed;
    d->probes = false;
    d->left_ns = monotonic_ns;
    d->away_ns = 0;
}

void destination_leave_spool(struct destination *d, uint64_t monotonic_ns)
{
    if (!d->spool.stream || d->spool.retired)
        return;
    d->spool.retired = true;
    if (!d->removed)
        d->left_ns = monotonic_ns;
}

/* Nothing is left to be sent, files in the spool aside. */
static bool is_done(const struct destination *d)
{
    return d->broken || (d->queue.closed_count == 0 && !d->queue.open && !d->queue.parked_count &&
                         client_ports_due_ns(d->client_ports) == UINT64_MAX && !d->shell);
}

/* Whether nobody waits for its collector any longer. */
static bool is_late(struct destination *d)
{
    bool away = d->transport.ops->step ? !d->session : d->blocked;
    if (!away)
        d->away_ns = 0;
    else if (!d->away_ns)
        d->away_ns = d->monotonic_ns;
    if (d->removed || d->heir || d->spool.retired)
        return d->monotonic_ns - d->left_ns >= patience_ns;
    return away && !d->spool.stream && d->monotonic_ns - d->away_ns >= patience_ns;
}

bool destination_leave_step(struct destination *d, bool draining, bool *moved)
{
    if (d->parked && !d->heir && !d->spool.retired)
        return false;
    if (!d->broken && !d->completed) {
        destination_close_due(d, true);
        *moved |= destination_send(d, draining);
    }
    bool late = is_late(d), hands_over = d->heir && (late || d->broken || !d->in_flight);
    if (!d->broken && (hands_over || late)) {
        destination_end_flight(d, DESTINATION_LOST_CONNECTION, d->spool.stream != NULL);
        destination_give_up(d, DESTINATION_LOST_REMOVED);
    }
    if (hands_over) {
        destination_spool_hand_over(d, d->heir);
        atomic_store_explicit(&d->heir->busy, false, memory_order_release);
        d->heir = NULL;
    }
    if (d->heir || !is_done(d))
        return false;
    if (destination_spool_holds(d) && !d->removed && !d->broken && !draining && !d->spool.retired)
        return false;                          /* that is for the same collector */
    if (!d->transport.ops->step || d->reached) /* else there is nothing to complete */
        destination_complete(d);
    d->completed = true;
    d->parked = destination_spool_holds(d) && !d->spool.retired;
    if (d->spool.retired)
        destination_spool_leave(d);
    return !d->parked;
}

uint64_t destination_leave_next_ns(const struct destination *d)
{
    uint64_t next_ns = destination_next_ns(d), by_ns = d->left_ns + patience_ns;
    if (d->parked)
        return UINT64_MAX;
    if (!d->removed && !d->heir && !d->spool.retired)
        by_ns = d->away_ns ? d->away_ns + patience_ns : UINT64_MAX;
    return next_ns < by_ns ? next_ns : by_ns;
}
