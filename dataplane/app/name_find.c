/* Finds names. See name_find.h. */
#include "app/name_find.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "app/look_budget.h"
#include "app/name.h"
#include "app/name_banner.h"
#include "app/name_dns.h"
#include "app/name_http.h"
#include "app/name_quic.h"
#include "app/name_start.h"
#include "app/name_text.h"
#include "app/name_tls.h"
#include "base/arena.h"

enum {
    STRANGE_PACKETS = 6, /* without a parser, until nobody looks any more */
    PATIENCE = 64,       /* packets, until a parser has told what it can */
    HELLOS = 1024,       /* ClientHellos in several packets that are waited for at a time */
    NUMBERS = 1 << 14    /* of applications */
};

/* ---- the parsers ---- */

#define SET(symbol) (1u << NAME_##symbol)
enum {
    TLS_TYPES = SET(TLS_SERVER_NAME) | SET(TLS_ALPN) | SET(TLS_JA4),
    HTTP_TYPES = SET(HTTP_HOST) | SET(HTTP_METHOD) | SET(HTTP_STATUS) | SET(HTTP_USER_AGENT),
    DNS_TYPES =
        SET(DNS_QUERY_NAME) | SET(DNS_QUERY_TYPE) | SET(DNS_RESPONSE_CODE) | SET(DNS_ANSWER),
    SSH_TYPES = SET(SSH_CLIENT_BANNER) | SET(SSH_SERVER_BANNER),
    GREETING_TYPES = SET(SMTP_GREETING) | SET(IMAP_GREETING) | SET(POP_GREETING)
};

/* The first octets of a ClientHello: over TCP record and message, over UDP those of DTLS. */
static bool is_tls(const struct application_packet *packet)
{
    const uint8_t *data = packet->data;
    enum { HANDSHAKE = 22, CLIENT_HELLO = 1, RECORD = 5, DTLS_RECORD = 13 };
    if (packet->tcp)
        return packet->length > RECORD && data[0] == HANDSHAKE && data[1] == 3 &&
               data[RECORD] == CLIENT_HELLO;
    return packet->length > DTLS_RECORD && data[0] == HANDSHAKE && data[1] == 0xfe &&
           data[DTLS_RECORD] == CLIENT_HELLO;
}

/* A datagram with a long header of a version that the parser knows. */
static bool is_quic(const struct application_packet *packet)
{
    const uint8_t *data = packet->data;
    if (packet->tcp || packet->length < 7 || (data[0] & 0xc0) != 0xc0)
        return false;
    uint32_t version =
        (uint32_t)data[1] << 24 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 8 | data[4];
    return version == 1 || version == 0x6b3343cf || version >> 8 == 0xff0000 ||
           (version & ~1u) == 0x54303530; /* T050, T051 of Google */
}

/* In the order in which they are asked. Applications: names in the rules, with blanks. */
static const struct {
    bool (*recognises)(const struct application_packet *packet);
    enum name_progress (*read)(const struct application_packet *packet, struct name_sink *sink,
                               struct name_state *state);
    uint32_t types;
    const char *applications;
} readers[] = {
    {is_tls, name_tls, TLS_TYPES, " tls dtls smtps imaps pops "},
    {name_is_http, name_http, HTTP_TYPES, " http http-proxy http-connect websocket "},
    {name_is_ssh, name_ssh, SSH_TYPES, " ssh "},
    {name_is_dns, name_dns, DNS_TYPES, " dns mdns llmnr "},
    {is_quic, name_quic, TLS_TYPES, " quic "},
    {name_is_smtp, name_smtp, SET(SMTP_GREETING), " smtp "},
    {name_is_imap, name_imap, SET(IMAP_GREETING), " imap "},
    {name_is_pop, name_pop, SET(POP_GREETING), " pop3 "},
};
enum { READERS = sizeof readers / sizeof readers[0] };

/* Of a side of a flow: its beginning is held, because nobody recognised it; it was looked at. */
enum { HELD = 1, EITHER_HELD = 3, HEARD = 4 };

/* What is known of a flow while it is looked at. */
struct looked_flow {
    uint32_t tag;         /* low bits of the flow's id: whose row this is */
    uint8_t reader;       /* index + 1; 0: nobody has recognised it */
    uint8_t packets;      /* looked at */
    uint8_t sides;        /* set of HELD and HEARD << from_client */
    bool application : 1; /* its search has ended */
    bool done : 1;
    bool begun : 1; /* it had a packet with payload */
};
static_assert(sizeof(struct looked_flow) == 8, "eight rows in a cache line");

struct name_finder {
    struct name_sink sink; /* first: found() gets it */
    struct name_settings settings;
    uint32_t told; /* types that the flow has, or that this packet told */
    uint32_t server_octets;
    uint8_t server[NAME_OCTETS_MAX];
    uint32_t octets;
    uint8_t text[FLOW_NAMES_OCTETS_MAX];
    struct name_finder_counters counters;
    struct look_budget budget;
    struct name_workspace *workspace;
    struct looked_flow *flows;
    struct arena arena;
    uint8_t reader_of[NUMBERS]; /* by application: index + 1; 0: none */
};

/* ---- what a parser tells ---- */

/* The octets of HASH, the lowest first, as other programs print them. */
static void write_hash(uint8_t *out, uint64_t hash)
{
    static const char digits[] = "0123456789abcdef";
    for (unsigned i = 0; i < FLOW_NAME_HASH_OCTETS / 2; i++, hash >>= 8) {
        out[2 * i] = (uint8_t)digits[hash >> 4 & 15];
        out[2 * i + 1] = (uint8_t)digits[hash & 15];
    }
}

#define OCTETS_MAX(symbol, key, side, octets, help) octets,
static const uint8_t octets_max[NAME_TYPE_COUNT] = {NAME_TYPES(OCTETS_MAX)};

static void keep(struct name_sink *sink, enum name_type type, const uint8_t *text, uint32_t octets)
{
    struct name_finder *finder = (struct name_finder *)(void *)sink;
    const struct flow_names *wanted = &finder->settings.wanted;
    uint8_t clean[NAME_OCTETS_MAX];
    if ((finder->settings.watched >> type & 1u) && octets <= sizeof finder->server) {
        memcpy(finder->server, text, octets);
        finder->server_octets = octets;
    }
    if ((finder->told | ~(wanted->clear | wanted->hashed)) >> type & 1u)
        return;
    uint32_t count = name_text_clean(type, text, octets, clean);
    if (count == 0)
        return;
    enum { CHARACTER_MAX = 4 };
    if (octets > octets_max[type] && count + CHARACTER_MAX > octets_max[type])
        finder->counters.cut++;
    bool hashed = wanted->hashed >> type & 1u;
    if (hashed) {
        write_hash(clean, siphash(finder->settings.key, clean, count));
        count = FLOW_NAME_HASH_OCTETS;
    }
    if (finder->octets + FLOW_NAME_HEAD + count > sizeof finder->text)
        return; /* no protocol tells so much */
    uint8_t *out = finder->text + finder->octets;
    out[0] = (uint8_t)(type | (hashed ? FLOW_NAME_HASHED : 0));
    out[1] = (uint8_t)count;
    memcpy(out + FLOW_NAME_HEAD, clean, count);
    finder->octets += FLOW_NAME_HEAD + count;
    finder->told |= 1u << type;
    finder->counters.found++;
}

/* ---- creation ---- */

static void learn_numbers(struct name_finder *finder, const struct application_set *set)
{
    const struct application_rules *rules = application_set_rules(set);
    for (uint32_t i = 0; i < rules->application_count; i++) {
        char name[APPLICATION_NAME_OCTETS + 2] = " ";
        strcat(strcat(name, rules->applications[i].name), " ");
        for (unsigned r = 0; r < READERS; r++)
            if (strstr(readers[r].applications, name))
                finder->reader_of[rules->applications[i].number] = (uint8_t)(r + 1);
    }
}

struct name_finder *name_finder_create(const struct name_settings *settings, uint32_t flows_max,
                                       const struct application_set *set, struct error *error)
{
    struct name_finder *finder = calloc(1, sizeof *finder);
    if (!finder) {
        error_set(error, "not enough memory for finding names");
        return NULL;
    }
    finder->settings = *settings;
    finder->sink.found = keep;
    finder->budget = look_budget_open(0, 0);
    finder->workspace = name_workspace_create(HELLOS, error);
    if (!finder->workspace ||
        !arena_map(&finder->arena, flows_max * sizeof *finder->flows, ARENA_SPARSE, error)) {
        name_finder_destroy(finder);
        return NULL;
    }
    finder->flows = finder->arena.memory;
    if (set)
        learn_numbers(finder, set);
    return finder;
}

void name_finder_destroy(struct name_finder *finder)
{
    if (!finder)
        return;
    name_workspace_destroy(finder->workspace);
    arena_unmap(&finder->arena);
    free(finder);
}

void name_finder_set_bounds(struct name_finder *finder, uint32_t looks_per_s, uint32_t percent)
{
    look_budget_change(&finder->budget, looks_per_s, percent);
}

/* ---- one packet ---- */

/* The row of FLOW, which may still be another flow's. */
static struct looked_flow *row_of(struct name_finder *finder, const struct name_flow *flow)
{
    struct looked_flow *row = &finder->flows[flow->index];
    if (row->tag != (uint32_t)flow->id)
        *row = (struct looked_flow){.tag = (uint32_t)flow->id};
    return row;
}

bool name_finder_knows_application(const struct name_finder *finder, const struct name_flow *flow)
{
    const struct looked_flow *row = &finder->flows[flow->index];
    return row->tag == (uint32_t)flow->id && row->application;
}

void name_finder_end_application(struct name_finder *finder, const struct name_flow *flow)
{
    row_of(finder, flow)->application = true;
}

/* The parser for a flow that has none; 0: still none. */
static uint8_t choose(const struct name_finder *finder, const struct name_flow *flow,
                      const struct application_packet *packet)
{
    if (finder->reader_of[flow->application])
        return finder->reader_of[flow->application];
    for (unsigned r = 0; r < READERS; r++)
        if (readers[r].recognises(packet))
            return (uint8_t)(r + 1);
    return 0;
}

/* FIRST: PACKET is the flow's first with payload. A greeting is in no other; what looks like one
 * later is an answer, and may name a user. */
static bool read(struct name_finder *finder, const struct name_flow *flow, unsigned reader,
                 const struct application_packet *packet, bool first)
{
    struct name_state state = {finder->workspace, flow->id};
    uint32_t all = finder->settings.wanted.clear | finder->settings.wanted.hashed;
    finder->sink.wanted = ((all & ~flow->had) | finder->settings.watched) & readers[reader].types;
    if (!finder->sink.wanted || (!first && !(readers[reader].types & ~(uint32_t)GREETING_TYPES)))
        return true;
    finder->told = flow->had;
    return readers[reader].read(packet, &finder->sink, &state) == NAME_DONE;
}

/* Gives the packet, or the VIEW of it and what is HELD of its side (NULL: nothing), to the flow's
 * parser. */
static bool read_held(struct name_finder *finder, const struct name_flow *flow, unsigned reader,
                      const struct application_packet *packet, struct application_packet *view,
                      struct name_gather *held, bool first)
{
    const struct name_state state = {finder->workspace, flow->id};
    if (!held)
        return read(finder, flow, reader, packet, first);
    if (readers[reader].read == name_tls) { /* waits for more itself */
        name_start_give(held, NAME_BY_TLS);
        return read(finder, flow, reader, packet, first);
    }
    name_start_take(&state, held, view);
    return read(finder, flow, reader, view, first);
}

/* One PACKET, together with what is held before it. True if later ones need not be looked at. */
static bool look_at(struct name_finder *finder, struct looked_flow *row,
                    const struct name_flow *flow, const struct application_packet *packet,
                    bool first)
{
    const struct name_state state = {finder->workspace, flow->id};
    const uint8_t holding = (uint8_t)(HELD << packet->from_client);
    const uint8_t heard = (uint8_t)(HEARD << packet->from_client);
    struct name_gather *held = row->sides & holding ? name_start_add(&state, packet) : NULL;
    struct application_packet view = held ? name_start_view(held, packet) : *packet;
    if (view.length == 0) /* what comes before it is still missing */
        return row->packets >= STRANGE_PACKETS;
    if (!row->reader)
        row->reader = choose(finder, flow, &view);
    if (row->reader) {
        row->sides &= (uint8_t)~holding;
        return read_held(finder, flow, row->reader - 1u, packet, &view, held, first);
    }
    if (held && view.length >= NAME_START_ENOUGH) {
        row->sides &= (uint8_t)~holding;
        name_gather_drop(&state, held);
    } else if (!held && packet->tcp && name_start_is_wanted(packet, row->sides & heard)) {
        row->sides |= holding;
        name_start_hold(&state, packet);
    }
    if (name_start_is_first(packet))
        row->sides |= heard;
    /* an application without names, or none that anybody knows */
    return flow->application || row->packets >= STRANGE_PACKETS;
}

bool name_finder_look(struct name_finder *finder, const struct name_flow *flow,
                      const struct application_packet *packet, uint64_t now_ns,
                      const uint8_t **names, uint32_t *count)
{
    struct looked_flow *row = row_of(finder, flow);
    finder->octets = 0;
    finder->server_octets = 0;
    *names = finder->text;
    *count = 0;
    if (row->done)
        return true;
    bool first = !row->begun;
    row->begun = true;
    if (!look_budget_begin(&finder->budget, now_ns)) {
        finder->counters.passed_over++;
        return false;
    }
    finder->counters.looked_at++;
    row->packets++;
    row->done = look_at(finder, row, flow, packet, first) || row->packets >= PATIENCE;
    if (row->done && (row->sides & EITHER_HELD)) {
        name_start_forget(&(struct name_state){finder->workspace, flow->id});
        row->sides &= (uint8_t)~EITHER_HELD;
    }
    look_budget_end(&finder->budget);
    *count = finder->octets;
    return row->done;
}

uint32_t name_finder_server(const struct name_finder *finder, const uint8_t **text)
{
    *text = finder->server;
    return finder->server_octets;
}

void name_finder_count(const struct name_finder *finder, struct name_finder_counters *counters)
{
    const struct name_workspace_counters *own = name_workspace_counters(finder->workspace);
    *counters = finder->counters;
#define COPY_COUNTER(name, help) counters->name = own->name;
    NAME_WORKSPACE_COUNTERS(COPY_COUNTER)
}
