/*
 * The table of records that wait for others. See client_ports.h.
 *
 * Rows lie in one array; those in use are chained by the hash of their key, and all of them stand
 * in one list from the first that began to wait to the last, which is also the order in which they
 * are due.
 */
#include "client_ports.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/check.h"

enum {
    PORTS_WELL_KNOWN = 1024,
    PORTS_EPHEMERAL = 32768,
    PACKETS_CARRY_BIT = 23, /* see flow_record.h */
    OWN_MARKS = FLOW_MARK_DIRECTION_A | FLOW_MARK_DIRECTION_B
};

static const uint32_t no_row = UINT32_MAX;

/* What records must have in common. */
struct client_key {
    uint8_t client[16]; /* IPv4 in the first four */
    uint8_t server[16];
    uint16_t port; /* network order */
    uint16_t reserved;
    uint8_t protocol;
    uint8_t vlan[3];
};
static_assert(sizeof(struct client_key) == 40, "hashed as five words");

struct row {
    struct client_key key;
    struct merged_record merged;
    uint64_t opened_ns;
    uint32_t bucket;
    uint32_t chained; /* next row of the bucket, or of the free ones */
    uint32_t older;   /* neighbours in the list */
    uint32_t newer;
    unsigned client; /* side */
    struct flow_hot hot;
    struct flow_hot6 hot6;
    struct flow_cold cold;
    struct flow_extra extra;
};

/* The names of a row. */
struct row_names {
    uint32_t differ; /* set of 1 << enum name_type: those of which records had several */
    uint32_t octets;
    uint8_t text[FLOW_NAMES_OCTETS_MAX];
};

struct client_ports {
    struct row *rows;        /* owned */
    struct row_names *names; /* one for each row, owned; NULL: none are kept */
    uint32_t *buckets;       /* first row of each, owned */
    uint32_t bucket_mask;
    uint32_t free;
    uint32_t oldest;
    uint32_t newest;
    uint64_t window_ns;
    uint64_t seed; /* nobody outside can choose records that all meet in one bucket */
};

struct client_ports *client_ports_create(uint32_t records, uint64_t window_ns, bool names,
                                         struct error *error)
{
    struct client_ports *table = calloc(1, sizeof *table);
    uint32_t buckets = 1;
    while (buckets < records)
        buckets *= 2;
    if (table) {
        table->rows = calloc(records, sizeof *table->rows);
        table->buckets = malloc(buckets * sizeof *table->buckets);
        table->names = names ? calloc(records, sizeof *table->names) : NULL;
    }
    if (!table || !table->rows || !table->buckets || (names && !table->names)) {
        client_ports_destroy(table);
        error_set(error, "not enough memory for the aggregation of %u records; give less", records);
        return NULL;
    }
    memset(table->buckets, 0xff, buckets * sizeof *table->buckets);
    table->bucket_mask = buckets - 1;
    table->oldest = table->newest = no_row;
    for (uint32_t i = 0; i < records; i++)
        table->rows[i].chained = i + 1 < records ? i + 1 : no_row;
    table->window_ns = window_ns;
    if (getrandom(&table->seed, sizeof table->seed, GRND_NONBLOCK) != sizeof table->seed)
        table->seed = (uintptr_t)table; /* before the kernel has random numbers: better than none */
    return table;
}

void client_ports_destroy(struct client_ports *table)
{
    if (!table)
        return;
    free(table->rows);
    free(table->names);
    free(table->buckets);
    free(table);
}

/* ---- which records, and which of them belong together ---- */

unsigned client_ports_side(const struct flow_record *record)
{
    const struct flow_key_head *key = &record->hot->key;
    unsigned port_a = be16toh(key->port_a), port_b = be16toh(key->port_b);
    bool has_ports = key->protocol == 6 || key->protocol == 17 || key->protocol == 33 ||
                     key->protocol == 132 || key->protocol == 136;
    if (!has_ports || !port_a || !port_b || (record->extra && record->extra->aggregate))
        return CLIENT_UNKNOWN;
    if (record->cold->marks & FLOW_MARK_INITIATOR_SEEN)
        return (flow_state(record->hot) & FLOW_STATE_INITIATOR_B) != 0;
    if ((port_a < PORTS_WELL_KNOWN) != (port_b < PORTS_WELL_KNOWN))
        return port_a < PORTS_WELL_KNOWN;
    if ((port_a < PORTS_EPHEMERAL) != (port_b < PORTS_EPHEMERAL))
        return port_a < PORTS_EPHEMERAL;
    return CLIENT_UNKNOWN;
}

static struct client_key key_of(const struct flow_record *record, unsigned client)
{
    const struct flow_key_head *head = &record->hot->key;
    struct client_key key = {.port = client ? head->port_a : head->port_b,
                             .protocol = head->protocol};
    memcpy(key.vlan, head->vlan, sizeof key.vlan);
    if (record->hot6) {
        const struct flow_hot6 *hot6 = record->hot6;
        memcpy(key.client, client ? hot6->address_b : hot6->address_a, 16);
        memcpy(key.server, client ? hot6->address_a : hot6->address_b, 16);
    } else {
        memcpy(key.client, client ? &head->address_b : &head->address_a, 4);
        memcpy(key.server, client ? &head->address_a : &head->address_b, 4);
    }
    return key;
}

static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 33) * 0xff51afd7ed558ccdu;
    value = (value ^ value >> 33) * 0xc4ceb9fe1a85ec53u;
    return value ^ value >> 33;
}

static uint32_t bucket_of(const struct client_ports *table, const struct client_key *key)
{
    uint64_t words[sizeof *key / sizeof(uint64_t)];
    uint64_t hash = table->seed;
    memcpy(words, key, sizeof words);
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++)
        hash = mix(hash + 0x9e3779b97f4a7c15u) ^ mix(words[i] + table->seed);
    return (uint32_t)mix(hash) & table->bucket_mask;
}

static bool is_of(const struct row *row, const struct client_key *key, bool ipv6)
{
    return (row->merged.record.hot6 != NULL) == ipv6 && memcmp(&row->key, key, sizeof *key) == 0;
}

/* ---- adding ---- */

static void set_counters(struct row *row, unsigned side, uint64_t packets, uint64_t octets)
{
    uint64_t packets_carry = packets >> PACKETS_CARRY_BIT;
    uint64_t octets_carry = octets >> FLOW_CARRY_OCTET_BIT;
    row->cold.packets_carry[side] = (uint16_t)packets_carry;
    row->cold.octets_carry[side] = (uint16_t)octets_carry;
    packets -= packets_carry << PACKETS_CARRY_BIT;
    octets -= octets_carry << FLOW_CARRY_OCTET_BIT;
    row->hot.counter[side] = packets << FLOW_OCTET_BITS | octets;
}

/* Whether the counters of a record can hold the sums. */
static bool sums_fit(const struct row *row, const struct flow_record *record, unsigned client)
{
    bool fit = row->merged.records < UINT32_MAX;
    for (unsigned turn = 0; turn < 2; turn++) {
        unsigned to = row->client ^ turn, from = client ^ turn;
        uint64_t packets =
            flow_packets(&row->hot, &row->cold, to) + flow_packets(record->hot, record->cold, from);
        uint64_t octets =
            flow_octets(&row->hot, &row->cold, to) + flow_octets(record->hot, record->cold, from);
        fit &= packets >> PACKETS_CARRY_BIT <= UINT16_MAX;
        fit &= octets >> FLOW_CARRY_OCTET_BIT <= UINT16_MAX;
    }
    return fit;
}

/* What the first packet of side FROM of RECORD was like becomes what that of side TO was like. */
static void take_first_packet(struct row *row, unsigned to, const struct flow_record *record,
                              unsigned from)
{
    row->hot.tos[to] = record->hot->tos[from];
    row->hot.initial_flags[to] = record->hot->initial_flags[from];
    row->cold.port[to] = record->cold->port[from];
    row->extra.label_count[to] = record->extra ? record->extra->label_count[from] : 0;
    if (record->extra)
        memcpy(row->extra.labels[to], record->extra->labels[from], sizeof row->extra.labels[to]);
    uint8_t mark = (uint8_t)(FLOW_MARK_DIRECTION_A << to);
    bool egress = record->cold->marks & (FLOW_MARK_DIRECTION_A << from);
    row->cold.marks = (uint8_t)((row->cold.marks & ~mark) | (egress ? mark : 0));
}

/* Side FROM of RECORD, which has packets, joins side TO, which may have none. */
static void merge_side(struct row *row, unsigned to, const struct flow_record *record,
                       unsigned from)
{
    const struct flow_hot *hot = record->hot;
    uint64_t packets = flow_packets(&row->hot, &row->cold, to);
    uint64_t octets = flow_octets(&row->hot, &row->cold, to);
    uint64_t first_ns = record->cold->first_ns[from];
    unsigned flags = hot->flags_state >> (from * 12) & 0xfffu;
    bool empty = packets == 0, earlier = empty || first_ns < row->cold.first_ns[to];
    if (!empty) /* the first packet of the later one is one of the others now */
        flags |= earlier ? row->hot.initial_flags[to] : hot->initial_flags[from];
    if (earlier) {
        take_first_packet(row, to, record, from);
        row->cold.first_ns[to] = first_ns;
    }
    row->hot.flags_state |= flags << (to * 12);
    if (empty || hot->last_ns[from] > row->hot.last_ns[to])
        row->hot.last_ns[to] = hot->last_ns[from];
    if (empty || hot->ttl_min[from] < row->hot.ttl_min[to])
        row->hot.ttl_min[to] = hot->ttl_min[from];
    if (empty || hot->ttl_max[from] > row->hot.ttl_max[to])
        row->hot.ttl_max[to] = hot->ttl_max[from];
    packets += flow_packets(hot, record->cold, from);
    octets += flow_octets(hot, record->cold, from);
    set_counters(row, to, packets, octets);
    row->merged.record.merged_side[to]++;
}

/* ---- names ---- */

/* Where the name of TYPE begins among NAMES, and in *NAME what it is; NULL if there is none. */
static uint8_t *find_name(struct row_names *names, enum name_type type, struct flow_name *name)
{
    const uint8_t *at = names->text, *end = at + names->octets;
    for (const uint8_t *head = at; flow_name_next(&at, end, name); head = at)
        if (name->type == type)
            return names->text + (head - names->text);
    return NULL;
}

static void remove_name(struct row_names *names, uint8_t *head)
{
    uint32_t octets = FLOW_NAME_HEAD + (uint32_t)head[1];
    uint32_t behind = names->octets - (uint32_t)(head - names->text) - octets;
    memmove(head, head + octets, behind);
    names->octets -= octets;
}

/* The name at HEAD, of OCTETS with its head, joins NAMES, or takes one of its type away that
 * differs.
 */
static void merge_name(struct row_names *names, const struct flow_name *name, const uint8_t *head,
                       uint32_t octets)
{
    struct flow_name own;
    uint8_t *at = find_name(names, name->type, &own);
    if (names->differ >> name->type & 1u)
        return;
    if (!at) {
        if (names->octets + octets > sizeof names->text)
            return;
        memcpy(names->text + names->octets, head, octets);
        names->octets += octets;
    } else if (own.octets != name->octets || own.hashed != name->hashed ||
               memcmp(own.text, name->text, name->octets) != 0) {
        names->differ |= 1u << name->type;
        remove_name(names, at);
    }
}

static void merge_names(struct row *row, struct row_names *names, const struct flow_record *record)
{
    if (!names)
        return;
    if (row->merged.records == 0)
        names->differ = names->octets = 0;
    struct flow_name name;
    const uint8_t *at = record->names, *end = at ? at + record->extra->name_octets : at;
    for (const uint8_t *head = at; at && flow_name_next(&at, end, &name); head = at)
        merge_name(names, &name, head, (uint32_t)(at - head));
    row->extra.name_octets = (uint16_t)names->octets;
    row->merged.record.names = names->octets ? names->text : NULL;
}

static void merge(struct row *row, struct row_names *names, const struct flow_record *record,
                  unsigned client)
{
    struct merged_record *merged = &row->merged;
    for (unsigned turn = 0; turn < 2; turn++) {
        uint64_t packets = flow_packets(record->hot, record->cold, client ^ turn);
        if (!packets)
            continue;
        merge_side(row, row->client ^ turn, record, client ^ turn);
        merged->packets += packets;
        merged->octets += flow_octets(record->hot, record->cold, client ^ turn);
    }
    merge_names(row, names, record);
    merged->records++;
    merged->record.merged = (uint32_t)merged->records;
    /* What is said of the whole must be true of each. */
    uint8_t marks = merged->records == 1 ? UINT8_MAX : row->cold.marks | OWN_MARKS;
    row->cold.marks &= OWN_MARKS;
    row->cold.marks |= (uint8_t)(record->cold->marks & marks & ~OWN_MARKS);
    row->cold.end_reason = record->cold->end_reason;
    /* What payload told of one is likely true of the others; a guess by the port is worth less. */
    bool sure = record->cold->application & FLOW_APPLICATION_BY_CONTENT;
    if (!row->cold.application || (sure && !(row->cold.application & FLOW_APPLICATION_BY_CONTENT)))
        row->cold.application = record->cold->application;
    if (record->extra && !row->extra.list)
        row->extra.list = record->extra->list;
    if (record->extra && !row->extra.brand)
        row->extra.brand = record->extra->brand;
}

/* An empty record with what the key and the first RECORD say. */
static void begin(struct row *row, const struct flow_record *record, unsigned client)
{
    bool ipv6 = record->hot6 != NULL;
    unsigned state = (ipv6 ? FLOW_STATE_IPV6 : 0) | FLOW_STATE_EXTRA;
    state |= client ? FLOW_STATE_INITIATOR_B : 0;
    row->client = client;
    row->hot = (struct flow_hot){
        .key = record->hot->key, .start_s = record->hot->start_s, .flags_state = state << 24};
    *(client ? &row->hot.key.port_b : &row->hot.key.port_a) = 0;
    if (ipv6)
        row->hot6 = *record->hot6;
    row->cold = (struct flow_cold){.first_ns = {UINT64_MAX, UINT64_MAX},
                                   .flow_id = record->cold->flow_id,
                                   .port = {UINT16_MAX, UINT16_MAX},
                                   .application = record->cold->application,
                                   .start_fraction_ns = record->cold->start_fraction_ns};
    memcpy(row->cold.mac_a, record->cold->mac_a, sizeof row->cold.mac_a);
    memcpy(row->cold.mac_b, record->cold->mac_b, sizeof row->cold.mac_b);
    row->extra = (struct flow_extra){.aggregate = 0};
    row->merged = (struct merged_record){.record = {.hot = &row->hot,
                                                    .hot6 = ipv6 ? &row->hot6 : NULL,
                                                    .cold = &row->cold,
                                                    .extra = &row->extra}};
}

/* NULL if none are kept. */
static struct row_names *names_of(const struct client_ports *table, uint32_t index)
{
    return table->names ? &table->names[index] : NULL;
}

static void insert(struct client_ports *table, const struct client_key *key, uint32_t bucket,
                   const struct flow_record *record, unsigned client, uint64_t now_ns)
{
    uint32_t index = table->free;
    struct row *row = &table->rows[index];
    table->free = row->chained;
    row->key = *key;
    row->opened_ns = now_ns;
    row->bucket = bucket;
    row->chained = table->buckets[bucket];
    table->buckets[bucket] = index;
    row->older = table->newest;
    row->newer = no_row;
    *(table->newest == no_row ? &table->oldest : &table->rows[table->newest].newer) = index;
    table->newest = index;
    begin(row, record, client);
    merge(row, names_of(table, index), record, client);
}

const struct merged_record *client_ports_add(struct client_ports *table,
                                             const struct flow_record *record, unsigned client,
                                             uint64_t now_ns)
{
    struct client_key key = key_of(record, client);
    uint32_t bucket = bucket_of(table, &key), index = table->buckets[bucket];
    while (index != no_row && !is_of(&table->rows[index], &key, record->hot6 != NULL))
        index = table->rows[index].chained;
    if (index != no_row) {
        struct row *row = &table->rows[index];
        if (!sums_fit(row, record, client))
            return &row->merged;
        merge(row, names_of(table, index), record, client);
        return NULL;
    }
    if (table->free == no_row)
        return client_ports_oldest(table);
    insert(table, &key, bucket, record, client, now_ns);
    return NULL;
}

/* ---- leaving ---- */

const struct merged_record *client_ports_oldest(const struct client_ports *table)
{
    return table->oldest == no_row ? NULL : &table->rows[table->oldest].merged;
}

uint64_t client_ports_due_ns(const struct client_ports *table)
{
    if (!table || table->oldest == no_row)
        return UINT64_MAX;
    return table->rows[table->oldest].opened_ns + table->window_ns;
}

void client_ports_remove(struct client_ports *table, const struct merged_record *merged)
{
    size_t offset = (size_t)((const uint8_t *)merged - (const uint8_t *)table->rows);
    uint32_t index = (uint32_t)(offset / sizeof *table->rows);
    struct row *row = &table->rows[index];
    check(&row->merged == merged);
    uint32_t *chain = &table->buckets[row->bucket];
    while (*chain != index)
        chain = &table->rows[*chain].chained;
    *chain = row->chained;
    *(row->older == no_row ? &table->oldest : &table->rows[row->older].newer) = row->newer;
    *(row->newer == no_row ? &table->newest : &table->rows[row->newer].older) = row->older;
    row->chained = table->free;
    table->free = index;
}

void client_ports_shift(struct client_ports *table, uint32_t count, uint32_t by)
{
    for (uint32_t i = table ? table->oldest : no_row; i != no_row; i = table->rows[i].newer)
        for (unsigned side = 0; side < 2; side++)
            if (table->rows[i].cold.port[side] < count)
                table->rows[i].cold.port[side] = (uint16_t)(table->rows[i].cold.port[side] + by);
}

uint64_t client_ports_walk(const struct client_ports *table)
{
    uint64_t records = 0;
    for (uint32_t i = table ? table->oldest : no_row; i != no_row; i = table->rows[i].newer)
        records += table->rows[i].merged.records;
    return records;
}
