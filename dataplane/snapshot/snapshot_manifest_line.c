/* Lines of the manifest. See snapshot_manifest_line.h. */
#include "snapshot/snapshot_manifest_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SIGNATURE_OCTETS = 64, SIGNATURE_TEXT = 88 };
static const char signature_key[] = ",\"signature\":\"";
static const char *const event_names[SNAPSHOT_EVENTS] = {
    [SNAPSHOT_EVENT_CLOSED] = "closed",       [SNAPSHOT_EVENT_OVERWRITTEN] = "overwritten",
    [SNAPSHOT_EVENT_EXPIRED] = "expired",     [SNAPSHOT_EVENT_REMOVED] = "removed",
    [SNAPSHOT_EVENT_CONTINUED] = "continued",
};

void snapshot_hash_text(const uint8_t digest[32], char text[SNAPSHOT_HASH_TEXT])
{
    for (unsigned i = 0; i < 32; i++)
        snprintf(text + (size_t)2 * i, 3, "%02x", digest[i]);
}

bool snapshot_hash(const void *data, size_t octets, char text[SNAPSHOT_HASH_TEXT])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    if (EVP_Digest(data, octets, digest, NULL, EVP_sha256(), NULL) != 1)
        return false;
    snapshot_hash_text(digest, text);
    return true;
}

/* What is signed: the line up to its signature. */
static size_t write_content(const struct snapshot_line *line, char *out, size_t room)
{
    const struct snapshot_segment_facts *facts = &line->facts;
    char details[512] = "";
    if (line->event == SNAPSHOT_EVENT_CLOSED)
        snprintf(details, sizeof details,
                 "\"sha256\":\"%s\",\"octets\":%" PRIu64 ",\"blocks\":%" PRIu32
                 ",\"damaged\":%" PRIu32 ",\"packets\":%" PRIu64
                 ",\"payload\":%s,\"opened\":%" PRIu64 ",\"closed\":%" PRIu64 ",\"first\":%" PRIu64
                 ",\"last\":%" PRIu64 ",",
                 line->sha256, facts->octets, facts->blocks, facts->damaged, facts->packets,
                 facts->payload ? "true" : "false", facts->opened_ns, facts->closed_ns,
                 facts->first_ns, facts->last_ns);
    int used = snprintf(out, room,
                        "{\"event\":\"%s\",\"number\":%" PRIu64 ",\"name\":\"%s\",%s\"at\":%" PRIu64
                        ",\"previous\":\"%s\"",
                        event_names[line->event], facts->number, line->name, details, line->at_ns,
                        line->previous);
    return used > 0 && (size_t)used < room ? (size_t)used : 0;
}

static bool sign(const char *text, size_t octets, EVP_PKEY *key, uint8_t out[SIGNATURE_OCTETS])
{
    size_t length = SIGNATURE_OCTETS;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestSign(context, out, &length, (const uint8_t *)text, octets) == 1 &&
                length == SIGNATURE_OCTETS;
    EVP_MD_CTX_free(context);
    return good;
}

size_t snapshot_line_write(const struct snapshot_line *line, EVP_PKEY *key,
                           char out[SNAPSHOT_LINE_MAX])
{
    uint8_t signature[SIGNATURE_OCTETS];
    char text[SIGNATURE_TEXT + 1];
    size_t used = write_content(line, out, SNAPSHOT_LINE_MAX - SIGNATURE_TEXT - 32);
    if (!used || !sign(out, used, key, signature))
        return 0;
    EVP_EncodeBlock((unsigned char *)text, signature, SIGNATURE_OCTETS);
    int more = snprintf(out + used, SNAPSHOT_LINE_MAX - used, "%s%s\"}\n", signature_key, text);
    return used + (size_t)more;
}

/* A reader of a line's content. */
struct scan {
    const char *at, *end;
    bool good;
};

static void take(struct scan *scan, const char *text)
{
    size_t octets = strlen(text);
    scan->good = scan->good && (size_t)(scan->end - scan->at) >= octets &&
                 memcmp(scan->at, text, octets) == 0;
    if (scan->good)
        scan->at += octets;
}

static bool may_take(struct scan *scan, const char *text)
{
    struct scan copy = *scan;
    take(&copy, text);
    if (copy.good)
        *scan = copy;
    return copy.good;
}

static uint64_t take_number(struct scan *scan, const char *key)
{
    uint64_t value = 0;
    take(scan, key);
    const char *first = scan->at;
    for (; scan->good && scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9'; scan->at++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*scan->at - '0'), &value))
            scan->good = false;
    scan->good = scan->good && scan->at > first;
    return value;
}

/* Text up to the closing quote; names and hashes alone, so nothing in it is escaped. */
static void take_text(struct scan *scan, const char *key, char *out, size_t room)
{
    take(scan, key);
    size_t used = 0;
    out[0] = '\0';
    while (scan->good && scan->at < scan->end && *scan->at != '"') {
        if (used + 1 == room || *scan->at == '\\' || *scan->at < ' ' || *scan->at > '~')
            scan->good = false;
        else
            out[used++] = *scan->at++;
    }
    out[used] = '\0';
    take(scan, "\"");
}

/* Where the signature begins in TEXT; NULL: it has none of the right length. */
static const char *find_signature(const char *text, size_t octets)
{
    size_t tail = sizeof signature_key - 1 + SIGNATURE_TEXT + 2;
    if (octets <= tail || octets >= SNAPSHOT_LINE_MAX)
        return NULL;
    const char *at = text + octets - tail;
    if (memcmp(at, signature_key, sizeof signature_key - 1) != 0 ||
        memcmp(text + octets - 2, "\"}", 2) != 0)
        return NULL;
    return at;
}

static void take_facts(struct scan *scan, struct snapshot_line *line)
{
    struct snapshot_segment_facts *facts = &line->facts;
    take_text(scan, "\"sha256\":\"", line->sha256, sizeof line->sha256);
    facts->octets = take_number(scan, ",\"octets\":");
    facts->blocks = (uint32_t)take_number(scan, ",\"blocks\":");
    facts->damaged = (uint32_t)take_number(scan, ",\"damaged\":");
    facts->packets = take_number(scan, ",\"packets\":");
    take(scan, ",\"payload\":");
    facts->payload = may_take(scan, "true");
    if (!facts->payload)
        take(scan, "false");
    facts->opened_ns = take_number(scan, ",\"opened\":");
    facts->closed_ns = take_number(scan, ",\"closed\":");
    facts->first_ns = take_number(scan, ",\"first\":");
    facts->last_ns = take_number(scan, ",\"last\":");
    take(scan, ",");
}

bool snapshot_line_read(const char *text, size_t octets, struct snapshot_line *line)
{
    memset(line, 0, sizeof *line);
    const char *signature = find_signature(text, octets);
    if (!signature)
        return false;
    struct scan scan = {.at = text, .end = signature, .good = true};
    char event[16];
    take_text(&scan, "{\"event\":\"", event, sizeof event);
    unsigned i = 0;
    while (i < SNAPSHOT_EVENTS && strcmp(event, event_names[i]) != 0)
        i++;
    if (i == SNAPSHOT_EVENTS)
        return false;
    line->event = (enum snapshot_event)i;
    line->facts.number = take_number(&scan, ",\"number\":");
    take_text(&scan, ",\"name\":\"", line->name, sizeof line->name);
    take(&scan, ",");
    if (line->event == SNAPSHOT_EVENT_CLOSED)
        take_facts(&scan, line);
    line->at_ns = take_number(&scan, "\"at\":");
    take_text(&scan, ",\"previous\":\"", line->previous, sizeof line->previous);
    return scan.good && scan.at == scan.end && !strchr(line->name, '/') &&
           strlen(line->previous) == SNAPSHOT_HASH_TEXT - 1 &&
           (line->event != SNAPSHOT_EVENT_CLOSED || strlen(line->sha256) == SNAPSHOT_HASH_TEXT - 1);
}

bool snapshot_line_signed(const char *text, size_t octets, EVP_PKEY *key)
{
    const char *signature = find_signature(text, octets);
    uint8_t value[SIGNATURE_OCTETS + 8];
    if (!signature ||
        EVP_DecodeBlock(value, (const unsigned char *)signature + sizeof signature_key - 1,
                        SIGNATURE_TEXT) != SIGNATURE_OCTETS + 2)
        return false;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool good = context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestVerify(context, value, SIGNATURE_OCTETS, (const uint8_t *)text,
                                 (size_t)(signature - text)) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

void snapshot_segment_make_name(uint64_t number, uint64_t opened_ns, char name[SNAPSHOT_NAME_MAX])
{
    struct tm date;
    char text[24];
    time_t seconds = (time_t)(opened_ns / 1000000000);
    gmtime_r(&seconds, &date);
    strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &date);
    snprintf(name, SNAPSHOT_NAME_MAX, "snapshot-%s-%08" PRIu64 ".pcapng", text, number);
}

uint64_t snapshot_segment_number_of(const char *name)
{
    uint64_t number;
    int used = 0;
    if (sscanf(name, "snapshot-%*16[0-9TZ]-%" SCNu64 ".pcapng%n", &number, &used) != 1 || !used ||
        name[used] || strlen(name) >= SNAPSHOT_NAME_MAX)
        return 0;
    return number;
}
