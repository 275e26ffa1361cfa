/*
 * A destination and its spool. See destination_spool.h.
 */
#include "destination_spool.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "destination.h"
#include "destination_encode.h"
#include "spool.h"

enum {
    PREFIX_OCTETS_MAX = 65532,
    LOADS_MAX = 64,        /* of one call, so that others get their turn */
    REPLAY_QUEUE_PART = 8, /* no more than this part of the queue may wait */
    FLIGHT_QUEUE_PART = 4,
    LIVE_RATE_FACTOR = 2, /* replay is at least so much faster than what comes */
    RATE_WEIGHT = 8       /* of the seconds before, in the rate */
};
static const uint64_t second_ns = 1000000000u;
static const uint64_t burst_ns = 100000000u; /* what was not replayed earlier is not caught up */

static void count_losses(struct destination *d);

/* ---- opening ---- */

/* The templates of flow records, as the messages that begin a file. Returns their octets. */
static uint32_t make_prefix(const struct destination *d, uint8_t *octets)
{
    struct message_builder builder = {.version = 10, .domain = d->config->domain};
    uint32_t length = 0;
    for (unsigned kind = 0; kind < TEMPLATE_KINDS; kind++) {
        const struct template *template = &d->templates.kinds[kind];
        if (!template->id)
            continue;
        if (!builder.data)
            message_begin(&builder, octets, PREFIX_OCTETS_MAX);
        message_set(&builder, message_template_set(&builder, false), false);
        message_put_template(&builder, template);
    }
    if (builder.data)
        length = message_finish(&builder, 0);
    return length;
}

bool destination_spool_is_wanted(const struct destination *d)
{
    return d->process->spool && !d->process->offline && destination_can_spool(d->config->kind);
}

int destination_spool_open(struct destination *d, struct error *error)
{
    if (!destination_spool_is_wanted(d))
        return 0;
    uint8_t *prefix = malloc(PREFIX_OCTETS_MAX + SET_PADDING_UNIT);
    if (!prefix) {
        error_set(error, "%s: not enough memory", d->config->name);
        return -1;
    }
    struct spool_identity identity = {.name = d->config->name,
                                      .domain = d->config->domain,
                                      .format = d->json ? SPOOL_LINES : SPOOL_IPFIX,
                                      .message_octets = d->message_octets,
                                      .prefix = prefix};
    if (d->json)
        identity.message_octets = SPOOL_LINES_MAX * (d->message_octets + 1);
    else
        identity.prefix_octets = make_prefix(d, prefix);
    struct error note = {""};
    d->spool.scratch_octets = identity.message_octets;
    d->spool.wanted = spool_find(d->process->spool, &identity);
    if (d->spool.wanted)
        d->spool.scratch = malloc(identity.message_octets);
    else
        d->spool.stream = spool_stream_open(d->process->spool, &identity, &note, error);
    free(prefix);
    if (!d->spool.stream && !d->spool.scratch)
        return -1;
    if (note.text[0]) {
        d->news = note;
        d->news_untold = true;
    }
    return 0;
}

void destination_spool_begin(struct destination *d)
{
    if (!d->spool.stream)
        return;
    d->counters->recovered += spool_found(d->spool.stream);
    count_losses(d);
    spool_begin(d->spool.stream);
}

void destination_spool_widen(struct destination *d, struct destination *fresh)
{
    if (!d->spool.stream || !fresh->spool.scratch)
        return;
    if (spool_stream_widen(d->spool.stream, fresh->spool.scratch, fresh->spool.scratch_octets))
        fresh->spool.scratch = NULL;
}

bool destination_spool_differs(const struct destination *d)
{
    const struct spool *present = d->spool.stream ? spool_of(d->spool.stream) : NULL;
    return present != (destination_spool_is_wanted(d) ? d->process->spool : NULL);
}

/* What is on its way to the collector, be it in part, is not to come from the files again. */
static void detach(struct destination *d)
{
    for (uint32_t i = 0; i <= d->in_flight && i < d->queue.closed_count; i++) {
        struct queued_message *message = message_queue_at(&d->queue, i);
        if (message->origin == MESSAGE_LIVE || !message->offered)
            continue;
        destination_spool_settle(d, message);
        message->spool_octets = 0;
        if (message->origin == MESSAGE_REPLAYED)
            message->origin = MESSAGE_LIVE;
        else
            message->detached = true;
    }
}

/* All other messages that came from the files are only there again. */
static void put_back(struct destination *d)
{
    for (uint32_t i = d->queue.closed_count; i-- > 0;) {
        const struct queued_message *message = message_queue_at(&d->queue, i);
        if (message->origin != MESSAGE_LIVE && !message->detached)
            message_queue_remove(&d->queue, i, 1);
    }
    spool_rewind(d->spool.stream);
}

void destination_spool_leave(struct destination *d)
{
    struct spool_sums sums[2];
    if (!d->spool.stream)
        return;
    spool_walk(d->spool.stream, sums);
    ledger_count(&d->counters->spooled, sums[0].records);
    ledger_count(&d->counters->recovered_spooled, sums[1].records);
}

void destination_spool_exchange(struct destination *d, struct destination *fresh)
{
    struct destination_spool before = d->spool;
    if (before.stream) {
        detach(d);
        put_back(d);
        count_losses(d);
        destination_spool_leave(d);
    }
    d->spool = fresh->spool;
    d->spool.away_ns = before.away_ns;
    d->spool.rate_ns = before.rate_ns;
    d->spool.rate_records = before.rate_records;
    d->spool.rate = before.rate;
    fresh->spool = before;
    destination_spool_begin(d);
}

void destination_spool_hand_over(struct destination *d, struct destination *heir)
{
    heir->spool.stream = d->spool.stream;
    heir->spool.wanted = NULL;
    d->spool.stream = NULL;
    destination_spool_widen(heir, heir);
}

bool destination_spool_holds(const struct destination *d)
{
    return d->spool.stream && spool_has_more(d->spool.stream);
}

void destination_spool_close(struct destination *d)
{
    spool_stream_close(d->spool.stream);
    free(d->spool.scratch);
    d->spool.stream = NULL;
    d->spool.scratch = NULL;
}

/* ---- the account ---- */

static void lose(struct destination *d, const struct spool_sums sums[2],
                 enum ledger_destination_lost reason)
{
    ledger_count(&d->counters->lost[reason], sums[0].records);
    ledger_count(&d->counters->recovered_lost, sums[1].records);
    for (unsigned i = 0; i < 2; i++)
        destination_note_loss(d, sums[i].records, sums[i].packets, sums[i].ip_octets);
}

static void count_losses(struct destination *d)
{
    struct spool_losses losses;
    spool_take_losses(d->spool.stream, &losses);
    lose(d, losses.full, DESTINATION_LOST_SPOOL_FULL);
    lose(d, losses.failed, DESTINATION_LOST_SPOOL_FAILED);
    lose(d, losses.offered, DESTINATION_LOST_CONNECTION);
}

void destination_spool_count(const struct destination *d, struct destination_counters *copy)
{
    struct spool_sums sums[2];
    struct spool_report report;
    copy->recovered_queued += message_queue_walk_recovered(&d->queue);
    if (!d->spool.stream)
        return;
    spool_walk(d->spool.stream, sums);
    spool_tell(d->spool.stream, &report);
    if (!LEDGER_SKIPPED(&d->counters->spooled))
        copy->spooled += sums[0].records;
    copy->recovered_spooled += sums[1].records;
    if (copy->spool.on && d->leaving)
        return; /* it is told of the one that is there */
    copy->spool = (struct spool_account){.on = true,
                                         .failing = d->spool.failing,
                                         .records = sums[0].records + sums[1].records,
                                         .octets = report.octets,
                                         .octets_max = report.octets_max,
                                         .files = report.files,
                                         .oldest_s = report.oldest_s};
    uint64_t now_s = d->export_ns / second_ns;
    if (report.oldest_s && now_s > report.oldest_s)
        copy->spool.oldest_age_s = now_s - report.oldest_s;
    if (report.appended_records)
        copy->spool.octets_per_s = d->spool.rate * report.appended_octets / report.appended_records;
    else if (copy->sent)
        copy->spool.octets_per_s = d->spool.rate * copy->octets / copy->sent;
}

static void follow_rate(struct destination *d)
{
    struct destination_spool *spool = &d->spool;
    uint64_t records = d->counters->records;
    uint64_t passed_ns = d->monotonic_ns - spool->rate_ns;
    if (spool->rate_ns && passed_ns < second_ns)
        return;
    if (spool->rate_ns) {
        uint64_t now = (records - spool->rate_records) * 1000 / (passed_ns / 1000000);
        bool first = spool->rate == 0;
        spool->rate = first ? now : (spool->rate * (RATE_WEIGHT - 1) + now) / RATE_WEIGHT;
    }
    spool->rate_ns = d->monotonic_ns;
    spool->rate_records = records;
}

static void say(struct destination *d, const char *text)
{
    error_set(&d->news, "%.200s: %.290s", d->config->name, text);
    d->news_untold = true;
}

/* ---- into the spool ---- */

static bool is_worth_saving(const struct destination *d, const struct queued_message *message)
{
    if (d->config->kind == DESTINATION_KAFKA)
        return message->origin == MESSAGE_LIVE && !message->spoiled;
    return message->records > 0 && message->origin == MESSAGE_LIVE && !message->preface;
}

/* One more message at AT as the spool keeps it: both messages of a record in JSON, and line feeds.
 * Returns how many of the queue it is. */
static uint32_t describe(const struct destination *d, uint32_t at, struct spool_message *saved)
{
    struct queued_message *m = message_queue_at(&d->queue, at);
    *saved = (struct spool_message){.data = m->data, .octets = m->octets};
    if (d->json)
        m->data[saved->octets++] = '\n'; /* there it stood when the line was written */
    bool pair = destination_is_first_half(d, m);
    if (pair) {
        m = message_queue_at(&d->queue, at + 1);
        saved->more = m->data;
        saved->more_octets = m->octets;
        m->data[saved->more_octets++] = '\n';
    }
    saved->data_records = m->data_records + pair;
    saved->counted = m->counted;
    saved->partition = m->partition;
    saved->key = m->key;
    saved->sums = (struct spool_sums){m->records, m->packets, m->ip_octets};
    return 1 + pair;
}

/* The first message from AT on that belongs into the spool, and how many follow each other. */
static uint32_t find_run(const struct destination *d, uint32_t *at, struct spool_message *messages)
{
    const struct message_queue *queue = &d->queue;
    uint32_t count = 0, next;
    if (*at && *at <= queue->closed_count &&
        destination_is_first_half(d, message_queue_at(queue, *at - 1)))
        ++*at;
    while (*at < queue->closed_count && !is_worth_saving(d, message_queue_at(queue, *at)))
        ++*at;
    for (next = *at; count < SPOOL_APPEND_MAX && next < queue->closed_count; count++) {
        if (!is_worth_saving(d, message_queue_at(queue, next)))
            break;
        next += describe(d, next, &messages[count]);
    }
    return count;
}

/* Puts one run of messages from AT on into the spool. Returns how many. */
static uint32_t save_run(struct destination *d, uint32_t at)
{
    struct spool_message messages[SPOOL_APPEND_MAX];
    struct error problem = {""};
    uint32_t count = find_run(d, &at, messages);
    if (!count)
        return 0;
    uint32_t taken = spool_append(d->spool.stream, messages, count, &problem);
    if (taken == 0 && errno != 0) {
        if (!d->spool.failing)
            say(d, problem.text);
        d->spool.failing = true;
        d->spool.retry_ns = d->monotonic_ns + second_ns;
    } else if (taken && d->spool.failing) {
        d->spool.failing = false;
        say(d, "the spool is written again");
    }
    uint32_t queued = taken;
    for (uint32_t i = 0; i < taken; i++)
        queued += messages[i].more != NULL;
    message_queue_remove(&d->queue, at, queued);
    count_losses(d);
    return taken;
}

bool destination_spool_is_patient(const struct destination *d)
{
    return d->spool.stream && d->spool.away_ns && d->monotonic_ns - d->spool.away_ns >= second_ns;
}

static bool is_half_full(const struct destination *d)
{
    uint32_t room = message_queue_room(&d->queue);
    return room < message_queue_bound(&d->queue) / 2 || room < d->slots_reserved;
}

/* Nobody wants templates and statistics of a session that is over, nor the rest of a record in JSON
 * that was refused. */
static void drop_useless(struct destination *d)
{
    while (d->queue.closed_count) {
        const struct queued_message *message = message_queue_at(&d->queue, 0);
        if (is_worth_saving(d, message))
            break;
        struct spool_sums refused[2] = {{0}};
        refused[message->origin == MESSAGE_RECOVERED] =
            (struct spool_sums){message->records, message->packets, message->ip_octets};
        lose(d, refused, DESTINATION_LOST_SEND_FAILED);
        message_queue_pop(&d->queue);
    }
}

/* Whether others removed files or the folder. */
static void look_after(struct destination *d)
{
    struct destination_spool *spool = &d->spool;
    struct error news = {""};
    bool was_gone = spool->gone;
    spool->check_ns = d->monotonic_ns + second_ns;
    spool->gone = !spool_check(spool->stream, &news);
    count_losses(d);
    if (news.text[0])
        say(d, news.text);
    if (spool->gone || was_gone)
        spool->failing = spool->gone;
    if (spool->gone)
        spool->retry_ns = spool->check_ns;
}

bool destination_spool_save(struct destination *d)
{
    struct destination_spool *spool = &d->spool;
    if (!spool->stream)
        return false;
    follow_rate(d);
    if (d->monotonic_ns >= spool->check_ns)
        look_after(d);
    if (d->session)
        spool->away_ns = 0;
    else if (!spool->away_ns)
        spool->away_ns = d->monotonic_ns;
    bool away = destination_spool_is_patient(d);
    if (!d->queue.closed_count || !(away || is_half_full(d)))
        return false;
    if (spool->failing && d->monotonic_ns < spool->retry_ns)
        return false;
    if (away)
        drop_useless(d);
    /* Of records in JSON as many as may have come since the last time. */
    uint32_t limit = d->json ? DESTINATION_PORTION_MAX : SPOOL_APPEND_MAX;
    /* With a session, a part of the next message may be on its way. */
    uint32_t saved = 0, more;
    do
        saved += more = save_run(d, d->session ? d->in_flight + 1 : 0);
    while (more && saved < limit && (away || is_half_full(d)));
    return saved > 0;
}

void destination_spool_session_ended(struct destination *d)
{
    if (!d->spool.stream)
        return;
    put_back(d);
    d->spool.away_ns = d->monotonic_ns;
}

void destination_spool_save_all(struct destination *d)
{
    if (!d->spool.stream)
        return;
    check(d->in_flight == 0);
    if (d->kafka.partitioned)
        destination_kafka_close_until(d, UINT64_MAX);
    destination_close_message(d);
    destination_spool_session_ended(d);
    look_after(d);
    while (save_run(d, 0) > 0)
        continue;
}

/* ---- out of the spool ---- */

/* Records/s; 0: as fast as the collector takes them. */
static uint64_t replay_rate(const struct destination *d)
{
    uint64_t live = LIVE_RATE_FACTOR * d->spool.rate;
    uint64_t least = d->process->replay_rate;
    return least && live > least ? live : least;
}

/* Live records go first: the queue must be nearly empty. */
static bool has_turn(const struct destination *d)
{
    uint32_t unsent = d->queue.closed_count - d->in_flight;
    uint32_t bound = message_queue_bound(&d->queue), room = message_queue_room(&d->queue);
    return unsent <= bound / REPLAY_QUEUE_PART && room > bound / 2 && room > 2 * d->slots_reserved;
}

/* Queues OCTETS of DATA of what was loaded. */
static struct queued_message *queue_part(struct destination *d, const struct spool_message *loaded,
                                         const uint8_t *data, uint32_t octets)
{
    struct queued_message *message = message_queue_add(&d->queue, d->monotonic_ns);
    memcpy(message->data, data, octets);
    message->octets = octets;
    message->data_records = 1;
    message->partition = loaded->partition;
    message->key = loaded->key;
    message->origin = loaded->recovered ? MESSAGE_RECOVERED : MESSAGE_REPLAYED;
    return message;
}

static void queue_loaded(struct destination *d, const struct spool_message *loaded)
{
    const uint8_t *data = loaded->data;
    uint32_t octets = loaded->octets, lines = loaded->data_records;
    for (; d->json && lines > 1; lines--) {
        const uint8_t *feed = memchr(data, '\n', octets); /* of each line, says spool_load() */
        queue_part(d, loaded, data, (uint32_t)(feed - data));
        octets -= (uint32_t)(feed + 1 - data);
        data = feed + 1;
    }
    struct queued_message *message = queue_part(d, loaded, data, octets - (d->json != NULL));
    message->offered = data != loaded->data; /* with the first line */
    message->spool_octets = loaded->octets;
    message->records = (uint32_t)loaded->sums.records;
    message->data_records = lines;
    message->counted = loaded->counted;
    message->packets = loaded->sums.packets;
    message->ip_octets = loaded->sums.ip_octets;
}

bool destination_spool_replay(struct destination *d, bool flush)
{
    struct destination_spool *spool = &d->spool;
    bool moved = false;
    if (!spool->stream || !d->session || flush || d->completed || d->blocked || d->removed ||
        spool->retired)
        return false;
    uint64_t rate = replay_rate(d);
    if (spool->load_ns + burst_ns < d->monotonic_ns)
        spool->load_ns = d->monotonic_ns > burst_ns ? d->monotonic_ns - burst_ns : 0;
    for (unsigned i = 0; i < LOADS_MAX && spool->load_ns <= d->monotonic_ns && has_turn(d); i++) {
        struct spool_message message;
        struct error problem = {""};
        bool loaded = spool_load(spool->stream, &message, &problem);
        if (problem.text[0])
            say(d, problem.text);
        count_losses(d);
        if (!loaded)
            break;
        queue_loaded(d, &message);
        if (rate)
            spool->load_ns += (message.data_records ? message.data_records : 1) * second_ns / rate;
        moved = true;
    }
    return moved;
}

uint32_t destination_spool_flight_end(const struct destination *d)
{
    uint32_t all = d->queue.closed_count;
    uint32_t part = message_queue_bound(&d->queue) / FLIGHT_QUEUE_PART;
    return d->spool.stream && all > part ? part : all;
}

void destination_spool_offer(struct destination *d, struct queued_message *message)
{
    if (message->origin == MESSAGE_LIVE || message->offered)
        return;
    message->offered = true;
    spool_offer(d->spool.stream, 1);
}

void destination_spool_settle(struct destination *d, const struct queued_message *message)
{
    if (!message->spool_octets)
        return;
    const struct spool_message settled = {
        .octets = message->spool_octets,
        .sums = {message->records, message->packets, message->ip_octets}};
    spool_settle(d->spool.stream, &settled);
}

uint64_t destination_spool_next_ns(const struct destination *d)
{
    const struct destination_spool *spool = &d->spool;
    if (!spool->stream)
        return UINT64_MAX;
    if (!d->session && d->queue.closed_count) {
        uint64_t save_ns = spool->away_ns + second_ns;
        return spool->failing && spool->retry_ns > save_ns ? spool->retry_ns : save_ns;
    }
    bool replays = d->session && !d->removed && !spool->retired;
    if (replays && has_turn(d) && spool_has_more(spool->stream))
        return spool->load_ns > d->monotonic_ns ? spool->load_ns : d->monotonic_ns;
    return spool_has_more(spool->stream) || spool->gone ? spool->check_ns : UINT64_MAX;
}
