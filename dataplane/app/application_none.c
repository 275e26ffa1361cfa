/* The same functions in a build without Hyperscan: no set can be made, so no scanner either. */
#include <stddef.h>

#include "app/application_scan.h"
#include "base/check.h"

struct application_set *application_set_create(struct application_rules *rules, const char *where,
                                               const char *store, struct error *error)
{
    (void)where;
    (void)store;
    application_rules_free(rules);
    error_set(error, "finding applications is not in this build");
    return NULL;
}

void application_set_destroy(struct application_set *set)
{
    (void)set;
}

struct application_scanner *application_scanner_create(const struct application_set *set,
                                                       const struct application_limits *limits,
                                                       struct error *error)
{
    (void)set;
    (void)limits;
    error_set(error, "finding applications is not in this build");
    return NULL;
}

void application_scanner_destroy(struct application_scanner *scanner)
{
    (void)scanner;
}

void application_scanner_set_limits(struct application_scanner *scanner,
                                    const struct application_limits *limits)
{
    (void)scanner;
    (void)limits;
}

size_t application_scanner_memory(const struct application_scanner *scanner)
{
    (void)scanner;
    return 0;
}

const struct application_rules *application_set_rules(const struct application_set *set)
{
    (void)set;
    return NULL;
}

struct application_verdict application_scan(struct application_scanner *scanner, uint32_t index,
                                            uint64_t flow_id, unsigned side,
                                            const struct application_packet *packet,
                                            uint64_t now_ns)
{
    (void)scanner;
    (void)index;
    (void)flow_id;
    (void)side;
    (void)packet;
    (void)now_ns;
    check(false);
    return (struct application_verdict){0};
}

const struct application_counters *application_counters(const struct application_scanner *scanner)
{
    (void)scanner;
    check(false);
    return NULL;
}
