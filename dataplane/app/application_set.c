/* Compiles rules. See application_set.h. */
#include <stdlib.h>
#include <string.h>

#include "app/application_set_private.h"
#include "app/application_store.h"

/* The expressions of one database, in the form that the library wants. */
struct expression_list {
    const char **expressions;
    unsigned *flags;
    unsigned *ids; /* index of the match */
    unsigned count;
};

static bool list_create(struct expression_list *list, uint32_t room)
{
    list->expressions = calloc(room + 1u, sizeof *list->expressions);
    list->flags = calloc(room + 1u, sizeof *list->flags);
    list->ids = calloc(room + 1u, sizeof *list->ids);
    return list->expressions && list->flags && list->ids;
}

static void list_free(struct expression_list *list)
{
    free(list->expressions);
    free(list->flags);
    free(list->ids);
}

static void list_fill(struct expression_list *list, const struct application_rules *rules,
                      unsigned transport, unsigned anchorage)
{
    list->count = 0;
    for (uint32_t i = 0; i < rules->match_count; i++) {
        const struct application_match *match = &rules->matches[i];
        if (!match->expression || !(match->transports >> transport & 1) ||
            (match->expression[0] == '^') != (anchorage == ANCHORED))
            continue;
        list->expressions[list->count] = match->expression;
        list->flags[list->count] =
            HS_FLAG_DOTALL | HS_FLAG_SINGLEMATCH | (match->caseless ? HS_FLAG_CASELESS : 0u);
        list->ids[list->count++] = i;
    }
}

/* The expression of the match ID cannot be used, for the reason WHY. */
static void say_match(const struct application_set *set, unsigned id, const char *why,
                      struct error *error)
{
    const struct application_match *match = &set->rules.matches[id];
    error_set(error, "%s:%u: this expression cannot be used: %s", set->rules.files[match->file],
              match->line, why);
}

static void say_fault(const struct application_set *set, const struct expression_list *list,
                      const hs_compile_error_t *fault, const char *where, struct error *error)
{
    const char *message = fault ? fault->message : "not enough memory";
    if (fault && fault->expression >= 0)
        say_match(set, list->ids[fault->expression], message, error);
    else
        error_set(error, "%s: the rules cannot be compiled: %s", where, message);
}

/* The library tells which expression it does not understand, but not which is too large. */
static void find_fault(const struct application_set *set, const struct expression_list *list,
                       struct error *error)
{
    for (unsigned i = 0; i < list->count; i++) {
        hs_database_t *database = NULL;
        hs_compile_error_t *fault = NULL;
        hs_error_t status = hs_compile(list->expressions[i], list->flags[i], HS_MODE_BLOCK, NULL,
                                       &database, &fault);
        hs_free_database(database);
        if (status == HS_SUCCESS)
            continue;
        say_match(set, list->ids[i], fault ? fault->message : "no memory", error);
        hs_free_compile_error(fault);
        return;
    }
}

static bool compile(struct application_set *set, struct expression_list *list, const char *where,
                    struct error *error)
{
    for (unsigned transport = 0; transport < TRANSPORTS; transport++) {
        for (unsigned anchorage = 0; anchorage < ANCHORAGES; anchorage++) {
            hs_compile_error_t *fault = NULL;
            list_fill(list, &set->rules, transport, anchorage);
            if (list->count == 0)
                continue;
            if (hs_compile_multi(list->expressions, list->flags, list->ids, list->count,
                                 HS_MODE_BLOCK, NULL, &set->databases[transport][anchorage],
                                 &fault) == HS_SUCCESS)
                continue;
            say_fault(set, list, fault, where, error);
            if (fault && fault->expression < 0)
                find_fault(set, list, error);
            hs_free_compile_error(fault);
            return false;
        }
    }
    return true;
}

/* Of several applications with one port the first has it. */
static void note_ports(struct application_set *set)
{
    for (uint32_t i = 0; i < set->rules.application_count; i++) {
        const struct application *application = &set->rules.applications[i];
        for (unsigned p = 0; p < application->port_count; p++)
            for (unsigned transport = 0; transport < TRANSPORTS; transport++) {
                uint16_t *guess = &set->guess[transport][application->ports[p].number];
                if ((application->ports[p].transports >> transport & 1) && *guess == 0)
                    *guess = application->number;
            }
    }
}

/* Notes which matches a port proposes. */
static bool note_proposals(struct application_set *set)
{
    const struct application_rules *rules = &set->rules;
    size_t most = (size_t)rules->match_count * APPLICATION_MATCH_PORTS_MAX * TRANSPORTS;
    set->proposals = calloc(most + 1, sizeof *set->proposals);
    if (!set->proposals)
        return false;
    for (uint32_t i = 0; i < rules->match_count; i++) {
        const struct application_match *match = &rules->matches[i];
        for (unsigned p = 0; !match->expression && p < match->port_count; p++)
            for (unsigned transport = 0; transport < TRANSPORTS; transport++) {
                uint16_t *first = &set->proposed[transport][match->ports[p]];
                if (!(match->transports >> transport & 1) || set->proposal_count == UINT16_MAX)
                    continue;
                set->proposals[set->proposal_count] = (struct port_proposal){i, *first};
                *first = (uint16_t)++set->proposal_count;
            }
    }
    return true;
}

struct application_set *application_set_create(struct application_rules *rules, const char *where,
                                               const char *store, struct error *error)
{
    struct application_set *set = calloc(1, sizeof *set);
    struct expression_list list = {0};
    if (!set) {
        application_rules_free(rules);
        error_set(error, "not enough memory for application rules");
        return NULL;
    }
    set->rules = *rules;
    *rules = (struct application_rules){0};
    bool good = hs_valid_platform() == HS_SUCCESS;
    if (!good)
        error_set(error, "application rules need a processor with SSSE3");
    else if (!(good = list_create(&list, set->rules.match_count) && note_proposals(set)))
        error_set(error, "not enough memory for application rules");
    if (good && !(store && application_store_load(set, store))) {
        good = compile(set, &list, where, error);
        if (good && store)
            application_store_keep(set, store);
    }
    list_free(&list);
    if (!good) {
        application_set_destroy(set);
        return NULL;
    }
    note_ports(set);
    return set;
}

void application_set_destroy(struct application_set *set)
{
    if (!set)
        return;
    for (unsigned transport = 0; transport < TRANSPORTS; transport++)
        for (unsigned anchorage = 0; anchorage < ANCHORAGES; anchorage++)
            hs_free_database(set->databases[transport][anchorage]);
    application_rules_free(&set->rules);
    free(set->proposals);
    free(set);
}

const struct application_rules *application_set_rules(const struct application_set *set)
{
    return &set->rules;
}

uint16_t application_set_guess(const struct application_set *set, bool tcp, uint16_t first_port,
                               uint16_t second_port)
{
    const uint16_t *guess = set->guess[tcp ? TRANSPORT_TCP : TRANSPORT_UDP];
    return guess[first_port] ? guess[first_port] : guess[second_port];
}
