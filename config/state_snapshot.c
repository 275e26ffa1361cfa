/* The snapshot ring in state: its account of the ledger's cut, and facts beside it. */
#include "state_snapshot.h"

#include <stdio.h>

/* An entry of the list notKept. */
static void add_reason(struct state_json *json, json_t *list, const char *kind, const char *name,
                       const struct ledger_pair *term)
{
    char reason[64];
    json_t *entry = json_object();
    snprintf(reason, sizeof reason, "%s%s%s", kind, name[0] ? "_" : "", name);
    state_set_text(json, entry, "reason", reason);
    state_set_large(json, entry, "packets", term->packets);
    state_set_large(json, entry, "octets", term->octets);
    state_append(json, list, entry);
}

void state_snapshot_account(struct state_json *json, json_t *object, const struct ledger *ledger)
{
    const struct snapshot_account *account = &ledger->probe.snapshot;
    json_t *list = json_array();
    state_set_pair(json, object, "seen", &account->seen);
    state_set_pair(json, object, "stored", &account->stored);
    state_set_pair(json, object, "inMemory", &account->in_memory);
    for (unsigned i = 0; i < SNAPSHOT_CUT_OFF_COUNT; i++)
        add_reason(json, list, "cut_off", ledger_snapshot_cut_off_names[i], &account->cut_off[i]);
    add_reason(json, list, "overload", "", &account->overload);
    for (unsigned i = 0; i < SNAPSHOT_FAILED_COUNT; i++)
        add_reason(json, list, "failed", ledger_snapshot_failed_names[i], &account->failed[i]);
    state_set(json, object, "notKept", list);
}

json_t *state_snapshot_object(struct state_json *json, const struct state_snapshot *facts,
                              const struct ledger *ledger)
{
    json_t *object = json_object();
    state_set_truth(json, object, "enabled", facts->enabled);
    if (facts->enabled) {
        state_set_truth(json, object, "payload", facts->payload);
        state_set_text(json, object, "directory", facts->directory);
        state_set_truth(json, object, "writing", facts->writing);
        state_set_truth(json, object, "direct", facts->direct);
        state_set_truth(json, object, "short", facts->is_short);
        state_set_text(json, object, "pages", facts->pages);
#define SET_NUMBER(field, leaf) state_set_large(json, object, leaf, facts->field);
        STATE_SNAPSHOT_NUMBERS(SET_NUMBER)
        if (facts->fault[0])
            state_set_text(json, object, "fault", facts->fault);
        if (facts->oldest_ns)
            state_set_time(json, object, "oldest", facts->oldest_ns);
        if (facts->newest_ns)
            state_set_time(json, object, "newest", facts->newest_ns);
    }
    state_snapshot_account(json, object, ledger);
    return object;
}
