/* Making of a set of watch lists. See watch_set.h. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "detect/domain_name.h"
#include "detect/watch_private.h"

enum {
    ENTRIES_MAX = 1 << 26, /* of a kind */
    UNIONS_MAX = 1 << 16,
    UNION_SLOTS = 1 << 17,
    ADDRESS_TEXT_MAX = INET6_ADDRSTRLEN
};

struct host4 {
    uint32_t address;
    uint16_t row;
};
struct host6 {
    uint8_t address[16];
    uint16_t row;
};
struct domain {
    uint32_t offset;
    uint16_t row;
    uint8_t length;
};

/* Rows of one kind, as they come. */
struct rows {
    void *rows;
    uint32_t count;
    uint32_t room;
};

struct watch_builder {
    struct watch_set *set;
    uint32_t row_of[WATCH_LISTS_MAX]; /* by the place where the list was given */
    struct rows hosts4, hosts6, networks4, networks6, domains;
    struct rows texts;     /* octets */
    uint32_t *union_slots; /* numbers of unions by their hash; 0: free */
};

uint32_t watch_number(const char *name)
{
    uint32_t number = 0x811c9dc5u;
    for (; *name; name++)
        number = (number ^ (uint8_t)*name) * 0x01000193u;
    return number ? number : 1;
}

/* ---- lists ---- */

/* The gravest first, then as they were given. */
static void order_rows(struct watch_builder *builder, const struct watch_list *lists,
                       uint32_t count)
{
    struct watch_set *set = builder->set;
    for (unsigned severity = SEVERITY_COUNT; severity-- > 0;)
        for (uint32_t i = 0; i < count; i++) {
            if ((unsigned)lists[i].severity != severity)
                continue;
            builder->row_of[i] = set->count;
            struct watch_list *list = &set->lists[set->count++];
            *list = lists[i];
            list->number = watch_number(list->name);
            list->entries = 0;
        }
}

static bool numbers_differ(const struct watch_set *set, struct error *error)
{
    for (uint32_t a = 0; a < set->count; a++)
        for (uint32_t b = 0; b < a; b++)
            if (set->lists[a].number == set->lists[b].number) {
                error_set(error, "lists %s and %s have one number: give one another name",
                          set->lists[b].name, set->lists[a].name);
                return false;
            }
    return true;
}

struct watch_builder *watch_builder_create(const struct watch_list *lists, uint32_t count,
                                           struct error *error)
{
    struct watch_builder *builder = calloc(1, sizeof *builder);
    if (builder) {
        builder->set = calloc(1, sizeof *builder->set);
        builder->union_slots = calloc(UNION_SLOTS, sizeof *builder->union_slots);
    }
    if (!builder || !builder->set || !builder->union_slots) {
        error_set(error, "no memory for lists");
        watch_builder_destroy(builder);
        return NULL;
    }
    order_rows(builder, lists, count);
    if (numbers_differ(builder->set, error))
        return builder;
    watch_builder_destroy(builder);
    return NULL;
}

void watch_builder_destroy(struct watch_builder *builder)
{
    if (!builder)
        return;
    watch_set_destroy(builder->set);
    free(builder->hosts4.rows);
    free(builder->hosts6.rows);
    free(builder->networks4.rows);
    free(builder->networks6.rows);
    free(builder->domains.rows);
    free(builder->texts.rows);
    free(builder->union_slots);
    free(builder);
}

/* ---- entries ---- */

/* Room for COUNT more rows of SIZE; the first of them. NULL and ERROR. */
static void *append(struct rows *rows, uint32_t count, size_t size, struct error *error)
{
    uint64_t wanted = (uint64_t)rows->count + count;
    uint64_t room = rows->room ? rows->room : 1024;
    while (room < wanted)
        room *= 2;
    if (room > UINT32_MAX || (size > 1 && wanted > ENTRIES_MAX)) {
        error_set(error, "more entries than a set of lists can have (%u of a kind)",
                  (unsigned)ENTRIES_MAX);
        return NULL;
    }
    if (room != rows->room) {
        void *more = realloc(rows->rows, room * size);
        if (!more) {
            error_set(error, "no memory for more entries");
            return NULL;
        }
        rows->rows = more;
        rows->room = (uint32_t)room;
    }
    void *first = (char *)rows->rows + rows->count * size;
    rows->count += count;
    return first;
}

static bool add_host(struct watch_builder *builder, uint16_t row, bool six, const uint8_t *address,
                     struct error *error)
{
    struct host4 *host4 = six ? NULL : append(&builder->hosts4, 1, sizeof *host4, error);
    struct host6 *host6 = six ? append(&builder->hosts6, 1, sizeof *host6, error) : NULL;
    if (host4) {
        memcpy(&host4->address, address, sizeof host4->address);
        host4->row = row;
    }
    if (host6) {
        memcpy(host6->address, address, sizeof host6->address);
        host6->row = row;
    }
    return host4 || host6;
}

static bool add_network(struct watch_builder *builder, uint16_t row, bool six,
                        const uint8_t *address, unsigned length, struct error *error)
{
    struct network_prefix *prefix =
        append(six ? &builder->networks6 : &builder->networks4, 1, sizeof *prefix, error);
    if (!prefix)
        return false;
    network_address value = 0;
    for (unsigned i = 0; i < (six ? 16u : 4u); i++)
        value |= (network_address)address[i] << (120 - 8 * i);
    if (length == 0)
        value = 0;
    else
        value &= ~(network_address)0 << (128 - length);
    *prefix = (struct network_prefix){value, (uint8_t)length, (uint16_t)(row + 1)};
    return true;
}

/* A decimal number of at most MAX, all of TEXT. */
static bool read_length(const char *text, uint32_t octets, unsigned max, unsigned *length)
{
    *length = 0;
    for (uint32_t i = 0; i < octets; i++) {
        if (text[i] < '0' || text[i] > '9' || octets > 3)
            return false;
        *length = *length * 10 + (unsigned)(text[i] - '0');
    }
    return octets > 0 && *length <= max;
}

/* An address, or an address and a length; of a whole length it is a host. */
static bool add_address(struct watch_builder *builder, uint16_t row, const char *text,
                        uint32_t octets, struct error *error)
{
    bool hosts = builder->set->lists[row].kind == WATCH_HOSTS;
    const char *slash = memchr(text, '/', octets);
    uint32_t end = slash ? (uint32_t)(slash - text) : octets;
    char copy[ADDRESS_TEXT_MAX];
    uint8_t address[16];
    if (end < sizeof copy) {
        memcpy(copy, text, end);
        copy[end] = 0;
        bool six = strchr(copy, ':') != NULL;
        unsigned whole = six ? 128 : 32, length = whole;
        bool good = inet_pton(six ? AF_INET6 : AF_INET, copy, address) == 1 &&
                    (!slash || read_length(slash + 1, octets - end - 1, whole, &length));
        if (good && length == whole)
            return add_host(builder, row, six, address, error);
        if (good && !hosts)
            return add_network(builder, row, six, address, length, error);
        if (good) {
            error_set(error, "a network, and this is a list of hosts: give single addresses, or "
                             "make the list one of networks");
            return false;
        }
    }
    error_set(error, hosts ? "no address of IPv4 or IPv6"
                           : "no network: give an address, a slash and its length in bits");
    return false;
}

static bool add_domain(struct watch_builder *builder, uint16_t row, const char *text,
                       uint32_t octets, struct error *error)
{
    char name[DOMAIN_OCTETS_MAX + 1];
    uint32_t length = domain_name_read(text, octets, name, error);
    if (length == 0)
        return false;
    struct domain *domain = append(&builder->domains, 1, sizeof *domain, error);
    if (!domain)
        return false;
    *domain = (struct domain){builder->texts.count, row, (uint8_t)length};
    char *copy = append(&builder->texts, length, 1, error);
    if (copy)
        memcpy(copy, name, length);
    return copy != NULL;
}

bool watch_builder_add(struct watch_builder *builder, uint32_t i, const char *text, uint32_t octets,
                       struct error *error)
{
    uint16_t row = (uint16_t)builder->row_of[i];
    struct watch_list *list = &builder->set->lists[row];
    list->entries++;
    return list->kind == WATCH_DOMAINS ? add_domain(builder, row, text, octets, error)
                                       : add_address(builder, row, text, octets, error);
}

/* ---- compiling ---- */

/* The number of the set of ROWS. If there were more different ones than numbers, the gravest row
 * alone is told. */
static uint16_t number_of(struct watch_builder *builder, uint64_t rows)
{
    struct watch_set *set = builder->set;
    if ((rows & (rows - 1)) == 0)
        return (uint16_t)(__builtin_ctzll(rows) + 1);
    uint64_t hash = rows * 0x9e3779b97f4a7c15ull;
    for (uint64_t at = hash >> 40;; at++) {
        uint32_t *slot = &builder->union_slots[at % UNION_SLOTS];
        if (*slot && set->unions[*slot] == rows)
            return (uint16_t)*slot;
        if (*slot)
            continue;
        if (set->union_count == UNIONS_MAX)
            return (uint16_t)(__builtin_ctzll(rows) + 1);
        *slot = set->union_count;
        set->unions[set->union_count++] = rows;
        return (uint16_t)*slot;
    }
}

static uint16_t join(void *context, uint16_t one, uint16_t other)
{
    struct watch_builder *builder = context;
    const uint64_t *unions = builder->set->unions;
    return number_of(builder, unions[one] | unions[other]);
}

static bool make_unions(struct watch_set *set, struct error *error)
{
    set->unions = calloc(UNIONS_MAX, sizeof *set->unions);
    if (!set->unions) {
        error_set(error, "no memory for lists");
        return false;
    }
    for (uint32_t row = 0; row < set->count; row++)
        set->unions[row + 1] = 1ull << row;
    set->union_count = set->count + 1;
    return true;
}

static bool make_hosts(struct watch_builder *builder, uint64_t seed, struct error *error)
{
    struct address_table *hosts = &builder->set->hosts;
    const struct host4 *hosts4 = builder->hosts4.rows;
    const struct host6 *hosts6 = builder->hosts6.rows;
    if (!address_table_open(hosts, builder->hosts4.count, builder->hosts6.count, seed, error))
        return false;
    for (uint32_t i = 0; i < builder->hosts4.count; i++)
        address_table_add4(hosts, hosts4[i].address, (uint16_t)(hosts4[i].row + 1), join, builder);
    for (uint32_t i = 0; i < builder->hosts6.count; i++)
        address_table_add6(hosts, hosts6[i].address, (uint16_t)(hosts6[i].row + 1), join, builder);
    return true;
}

static bool make_networks(struct watch_builder *builder, struct error *error)
{
    struct watch_set *set = builder->set;
    return network_ranges_open(&set->networks4, builder->networks4.rows, builder->networks4.count,
                               join, builder, error) &&
           network_ranges_open(&set->networks6, builder->networks6.rows, builder->networks6.count,
                               join, builder, error);
}

static bool make_domains(struct watch_builder *builder, uint64_t seed, struct error *error)
{
    struct watch_set *set = builder->set;
    const struct domain *domains = builder->domains.rows;
    set->texts = builder->texts.rows;
    set->text_octets = builder->texts.count;
    builder->texts.rows = NULL;
    if (!domain_table_open(&set->domains, set->texts, builder->domains.count, seed, error))
        return false;
    for (uint32_t i = 0; i < builder->domains.count; i++)
        domain_table_add(&set->domains, domains[i].offset, domains[i].length,
                         (uint16_t)(domains[i].row + 1), join, builder);
    return true;
}

struct watch_set *watch_builder_finish(struct watch_builder *builder, struct error *error)
{
    struct watch_set *set = builder->set;
    uint64_t seed = 0;
    bool good = getrandom(&seed, sizeof seed, 0) == (ssize_t)sizeof seed;
    if (!good)
        error_set(error, "the kernel gave no random numbers for the hash key");
    good = good && make_unions(set, error) && make_hosts(builder, seed, error) &&
           make_networks(builder, error) && make_domains(builder, seed, error);
    if (good)
        builder->set = NULL;
    watch_builder_destroy(builder);
    return good ? set : NULL;
}
