/* Input of the operations on the ring, from JSON (RFC 7951) to plain values. */
#include "snapshot_request.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "operation_body.h"

static const uint64_t second_ns = 1000000000;
enum { EXPIRY_S = 2592000, REPLAY_RATE = 50000 };

static const char *const operation_names[] = {[SNAPSHOT_LIST] = "spanflow:snapshot-list",
                                              [SNAPSHOT_EXTRACT] = "spanflow:snapshot-extract",
                                              [SNAPSHOT_JOB] = "spanflow:snapshot-job",
                                              [SNAPSHOT_READ] = "spanflow:snapshot-read",
                                              [SNAPSHOT_CANCEL] = "spanflow:snapshot-cancel",
                                              [SNAPSHOT_FREEZE] = "spanflow:snapshot-freeze",
                                              [SNAPSHOT_RELEASE] = "spanflow:snapshot-release",
                                              [SNAPSHOT_VERIFY] = "spanflow:snapshot-verify",
                                              [SNAPSHOT_REPLAY] = "spanflow:replay",
                                              [SNAPSHOT_REPLAY_CANCEL] = "spanflow:replay-cancel"};
enum { OPERATIONS = sizeof operation_names / sizeof operation_names[0] };
#define BIT(kind) (1u << (kind))

/* ---- values ---- */

/* The parts of "2026-11-28T12:34:56": false if there is anything else at TEXT. *REST is behind. */
static bool read_date(const char *text, struct tm *parts, const char **rest)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd";
    for (size_t i = 0; form[i]; i++) {
        char sign = form[i] == 'T' && text[i] == 't' ? 'T' : text[i];
        bool digit = sign >= '0' && sign <= '9';
        if (form[i] == 'd' ? !digit : sign != form[i])
            return false;
    }
    const char *numbers = text;
    *parts = (struct tm){.tm_year = atoi(numbers) - 1900,
                         .tm_mon = atoi(numbers + 5) - 1,
                         .tm_mday = atoi(numbers + 8),
                         .tm_hour = atoi(numbers + 11),
                         .tm_min = atoi(numbers + 14),
                         .tm_sec = atoi(numbers + 17)};
    *rest = text + sizeof form - 1;
    return parts->tm_mon >= 0 && parts->tm_mon < 12 && parts->tm_mday >= 1 &&
           parts->tm_mday <= 31 && parts->tm_hour < 24 && parts->tm_min < 60 && parts->tm_sec <= 60;
}

/* Digits behind a point, as nanoseconds. *TEXT moves behind them. */
static uint64_t read_fraction(const char **text)
{
    uint64_t value = 0, unit = second_ns / 10;
    if (**text != '.')
        return 0;
    for (++*text; **text >= '0' && **text <= '9'; ++*text, unit /= 10)
        value += (uint64_t)(**text - '0') * unit;
    return value;
}

/* "Z" or "+hh:mm" up to the end, as seconds east. */
static bool read_zone(const char *text, int64_t *east_s)
{
    *east_s = 0;
    if ((text[0] == 'Z' || text[0] == 'z') && !text[1])
        return true;
    if ((text[0] != '+' && text[0] != '-') || strlen(text) != 6 || text[3] != ':' ||
        strspn(text + 1, "0123456789") != 2 || strspn(text + 4, "0123456789") != 2)
        return false;
    *east_s = atoi(text + 1) * 3600 + atoi(text + 4) * 60;
    if (text[0] == '-')
        *east_s = -*east_s;
    return true;
}

bool snapshot_time_read(const char *text, uint64_t *time_ns)
{
    const int64_t last_s = (int64_t)(UINT64_MAX / second_ns) - 1;
    struct tm parts;
    const char *rest;
    int64_t east_s;
    if (!read_date(text, &parts, &rest))
        return false;
    uint64_t fraction_ns = read_fraction(&rest);
    if (!read_zone(rest, &east_s))
        return false;
    int64_t seconds = (int64_t)timegm(&parts) - east_s;
    if (seconds < 0 || seconds > last_s)
        return false;
    *time_ns = (uint64_t)seconds * second_ns + fraction_ns;
    return true;
}

/* A number of 64 bits is a string in JSON. */
static bool read_large(const json_t *value, uint64_t *number)
{
    const char *text = json_string_value(value);
    if (!text || !*text || strlen(text) > 20 || strspn(text, "0123456789") != strlen(text))
        return false;
    *number = strtoull(text, NULL, 10);
    return *number < UINT64_MAX || strcmp(text, "18446744073709551615") == 0;
}

static bool read_small(const json_t *value, uint64_t most, uint64_t *number)
{
    json_int_t given = json_integer_value(value);
    *number = (uint64_t)given;
    return json_is_integer(value) && given >= 0 && (uint64_t)given <= most;
}

static bool read_text(const json_t *value, char *text, size_t size)
{
    const char *given = json_string_value(value);
    size_t length = given ? strlen(given) : 0;
    if (length == 0 || length >= size)
        return false;
    memcpy(text, given, length + 1);
    return true;
}

/* An address of a family that fits one that was there before. */
static bool read_address(struct snapshot_tuple *tuple, unsigned end, const json_t *value)
{
    const char *text = json_string_value(value);
    uint8_t family = text && strchr(text, ':') ? 6 : 4;
    if (!text || (tuple->family && tuple->family != family) ||
        inet_pton(family == 6 ? AF_INET6 : AF_INET, text, tuple->address[end]) != 1)
        return false;
    tuple->family = family;
    tuple->with_address[end] = true;
    return true;
}

/* ---- leaves ---- */

struct input_leaf {
    const char *name;
    unsigned kinds; /* set of BIT(kind) */
    bool (*read)(struct snapshot_request *request, const json_t *value);
    const char *wanted; /* for the complaint */
};

#define TEXT_READER(function, field)                                                               \
    static bool function(struct snapshot_request *request, const json_t *value)                    \
    {                                                                                              \
        return read_text(value, request->field, sizeof request->field);                            \
    }
#define LARGE_READER(function, field)                                                              \
    static bool function(struct snapshot_request *request, const json_t *value)                    \
    {                                                                                              \
        return read_large(value, &request->field);                                                 \
    }
#define TIME_READER(function, field)                                                               \
    static bool function(struct snapshot_request *request, const json_t *value)                    \
    {                                                                                              \
        return json_is_string(value) &&                                                            \
               snapshot_time_read(json_string_value(value), &request->field);                      \
    }
TEXT_READER(read_reason, reason)
TEXT_READER(read_filter, filter)
TEXT_READER(read_name, name)
LARGE_READER(read_flow_id, flow_id)
LARGE_READER(read_packets_max, packets_max)
LARGE_READER(read_octets_max, octets_max)
TEXT_READER(read_destination, destination)
LARGE_READER(read_rate, rate)
LARGE_READER(read_job, job)
LARGE_READER(read_offset, offset)
TIME_READER(read_from, from_ns)
TIME_READER(read_to, to_ns)

static bool read_size(struct snapshot_request *request, const json_t *value)
{
    uint64_t size = 0;
    bool good = read_small(value, SNAPSHOT_EXTRACT_READ_MAX, &size) && size > 0;
    request->size = (uint32_t)size;
    return good;
}

static bool read_expiry(struct snapshot_request *request, const json_t *value)
{
    uint64_t expiry = 0;
    bool good = read_small(value, UINT32_MAX, &expiry) && expiry > 0;
    request->expiry_s = (uint32_t)expiry;
    return good;
}

static bool read_domain(struct snapshot_request *request, const json_t *value)
{
    uint64_t domain = 0;
    bool good = read_small(value, UINT32_MAX, &domain) && domain > 0;
    request->domain = (uint32_t)domain;
    return good;
}

static bool read_anonymise(struct snapshot_request *request, const json_t *value)
{
    request->anonymise = json_is_true(value);
    return json_is_boolean(value);
}

static bool read_conversation(struct snapshot_request *request, const json_t *value)
{
    struct snapshot_tuple *tuple = &request->tuple;
    const char *name;
    json_t *leaf;
    bool good = json_is_object(value);
    json_object_foreach((json_t *)(uintptr_t)value, name, leaf)
    {
        uint64_t number = 0;
        bool other = strncmp(name, "other", 5) == 0;
        if (strcmp(name, "address") == 0 || strcmp(name, "otherAddress") == 0) {
            good &= read_address(tuple, other, leaf);
        } else if (strcmp(name, "port") == 0 || strcmp(name, "otherPort") == 0) {
            good &= read_small(leaf, UINT16_MAX, &number) && number > 0;
            tuple->port[other] = (uint16_t)number;
        } else {
            good &= strcmp(name, "protocol") == 0 && read_small(leaf, UINT8_MAX, &number);
            tuple->protocol = (uint8_t)number;
        }
        request->with_tuple = true;
    }
    return good;
}

#define ACTS                                                                                       \
    (BIT(SNAPSHOT_EXTRACT) | BIT(SNAPSHOT_FREEZE) | BIT(SNAPSHOT_RELEASE) | BIT(SNAPSHOT_VERIFY) | \
     BIT(SNAPSHOT_REPLAY))
#define JOBS                                                                                       \
    (BIT(SNAPSHOT_JOB) | BIT(SNAPSHOT_READ) | BIT(SNAPSHOT_CANCEL) | BIT(SNAPSHOT_REPLAY_CANCEL))
#define WINDOWS (BIT(SNAPSHOT_EXTRACT) | BIT(SNAPSHOT_FREEZE) | BIT(SNAPSHOT_REPLAY))
static const struct input_leaf input_leaves[] = {
    {"reason", ACTS, read_reason, "a reason of 1..1000 characters"},
    {"from", WINDOWS, read_from, "a time such as 2026-03-01T12:00:00Z"},
    {"to", WINDOWS, read_to, "a time such as 2026-03-01T12:00:00Z"},
    {"filter", BIT(SNAPSHOT_EXTRACT), read_filter, "an expression of at most 4000 characters"},
    {"flowId", BIT(SNAPSHOT_EXTRACT), read_flow_id, "the number of a flow"},
    {"conversation", BIT(SNAPSHOT_EXTRACT), read_conversation,
     "two addresses of one family, ports from 1 to 65535, a protocol"},
    {"packetsMax", BIT(SNAPSHOT_EXTRACT), read_packets_max, "a number"},
    {"octetsMax", BIT(SNAPSHOT_EXTRACT), read_octets_max, "a number"},
    {"anonymise", BIT(SNAPSHOT_EXTRACT), read_anonymise, "true or false"},
    {"job", JOBS, read_job, "the number of a job"},
    {"offset", BIT(SNAPSHOT_READ), read_offset, "a number"},
    {"size", BIT(SNAPSHOT_READ), read_size, "a number from 1 to 1048576"},
    {"name", BIT(SNAPSHOT_FREEZE) | BIT(SNAPSHOT_RELEASE), read_name, "a name of 1..63 characters"},
    {"expiry", BIT(SNAPSHOT_FREEZE), read_expiry, "a number of seconds"},
    {"destination", BIT(SNAPSHOT_REPLAY), read_destination, "the name of a destination"},
    {"domain", BIT(SNAPSHOT_REPLAY), read_domain, "a number from 1 to 4294967295"},
    {"rate", BIT(SNAPSHOT_REPLAY), read_rate, "a number"},
};

static bool read_leaf(struct snapshot_request *request, const char *name, const json_t *value,
                      const char **tag, struct error *mistake)
{
    for (size_t i = 0; i < sizeof input_leaves / sizeof input_leaves[0]; i++) {
        const struct input_leaf *leaf = &input_leaves[i];
        if (strcmp(leaf->name, name) != 0 || !(leaf->kinds & BIT(request->kind)))
            continue;
        if (leaf->read(request, value))
            return true;
        error_set(mistake, "%s: give %s", name, leaf->wanted);
        return false;
    }
    *tag = "unknown-element";
    error_set(mistake, "%.64s: the operation has no such input", name);
    return false;
}

/* ---- the whole ---- */

static bool read_caller(struct snapshot_request *request, const json_t *caller)
{
    request->root = json_is_true(json_object_get(caller, "root"));
    return read_text(json_object_get(caller, "user"), request->user, sizeof request->user) &&
           read_text(json_object_get(caller, "from"), request->from, sizeof request->from);
}

/* What must be there, and what does not go together. */
static bool check_whole(const struct snapshot_request *request, const char **tag,
                        struct error *mistake)
{
    const char *missing = NULL;
    unsigned bit = BIT(request->kind);
    if (bit & ACTS && !request->reason[strspn(request->reason, " \t\r\n")])
        missing = "reason: say why; it is logged";
    else if (bit & JOBS && request->job == 0)
        missing = "job: give the number of a job";
    else if (bit & (BIT(SNAPSHOT_FREEZE) | BIT(SNAPSHOT_RELEASE)) && !request->name[0])
        missing = "name: give the name of the freeze";
    else if (request->kind == SNAPSHOT_FREEZE && (!request->from_ns || !request->to_ns))
        missing = "from and to: give the begin and the end of the window";
    else if (request->kind == SNAPSHOT_REPLAY && (!request->from_ns || !request->destination[0]))
        missing = "from and destination: give a time and the name of a destination";
    if (missing) {
        *tag = "missing-element";
        error_set(mistake, "%s", missing);
        return false;
    }
    if (request->to_ns && request->to_ns < request->from_ns) {
        error_set(mistake, "to: it is before from");
        return false;
    }
    return true;
}

bool snapshot_request_is(const char *body, size_t length)
{
    return operation_body_is(body, length, operation_names, OPERATIONS);
}

bool snapshot_request_read(struct snapshot_request *request, const char *body, size_t length,
                           const char **tag, struct error *mistake)
{
    json_t *input = NULL;
    json_t *object = json_loadb(body, length, JSON_REJECT_DUPLICATES, NULL);
    unsigned kind = operation_body_find(object, operation_names, OPERATIONS, &input);
    *tag = "invalid-value";
    *request = (struct snapshot_request){.kind = (enum snapshot_request_kind)kind,
                                         .size = SNAPSHOT_EXTRACT_READ_MAX,
                                         .expiry_s = EXPIRY_S,
                                         .rate = REPLAY_RATE};
    bool good = kind < OPERATIONS && read_caller(request, json_object_get(object, "caller"));
    if (!good)
        error_set(mistake, "the daemon has no such operation, or nobody asks for it");
    const char *name;
    json_t *value;
    json_object_foreach(input, name, value)
    {
        if (!good)
            break;
        good = read_leaf(request, operation_body_leaf(name), value, tag, mistake);
    }
    json_decref(object);
    return good && check_whole(request, tag, mistake);
}

char *snapshot_answer(struct state_json *json, enum snapshot_request_kind kind, json_t *output)
{
    return state_answer(json, operation_names[kind], output);
}
