/* The ledger for people: a few aligned lines, printed when the probe ends. */
#include <inttypes.h>
#include <string.h>

#include "ledger.h"

enum { NAME_WIDTH = 34 };

static void print_pair(FILE *file, const char *name, struct ledger_pair pair)
{
    fprintf(file, "%-*s%16" PRIu64 " packets%18" PRIu64 " octets\n", NAME_WIDTH, name, pair.packets,
            pair.octets);
}

/* One line for each reason that is not 0. */
static void print_group(FILE *file, const char *term, const struct ledger_pair *terms,
                        const char *const *names, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char name[64];
        if (terms[i].packets == 0 && terms[i].octets == 0)
            continue;
        snprintf(name, sizeof name, "  %s: %s", term, names[i]);
        print_pair(file, name, terms[i]);
    }
}

static void print_some(FILE *file, const char *name, struct ledger_pair pair)
{
    if (pair.packets || pair.octets)
        print_pair(file, name, pair);
}

static void print_spool(FILE *file, const struct destination_counters *counters)
{
    const struct spool_account *spool = &counters->spool;
    uint64_t left = spool->octets_max > spool->octets ? spool->octets_max - spool->octets : 0;
    if (!spool->on)
        return;
    fprintf(file, "  spool: %" PRIu64 " records in %" PRIu64 " of %" PRIu64 " octets",
            spool->records, spool->octets, spool->octets_max);
    if (spool->oldest_s)
        fprintf(file, ", the oldest %" PRIu64 " s old", spool->oldest_age_s);
    if (spool->octets_per_s)
        fprintf(file, ", %.1f hours held and %.1f left at the present rate",
                ledger_spool_hours(spool, spool->octets), ledger_spool_hours(spool, left));
    fprintf(file, "%s\n", spool->failing ? ", cannot be written" : "");
    if (counters->recovered)
        fprintf(file,
                "  of an earlier run: records %" PRIu64 ", sent %" PRIu64 ", queued %" PRIu64
                ", spooled %" PRIu64 ", lost %" PRIu64 "\n",
                counters->recovered, counters->recovered_sent, counters->recovered_queued,
                counters->recovered_spooled, counters->recovered_lost);
}

static void print_destination(FILE *file, const struct destination_place *place,
                              const struct destination_counters *counters)
{
    fprintf(file, "%s%s\n", place->name, place->removed ? " (removed)" : "");
    fprintf(file, "  records %" PRIu64 ", sent %" PRIu64, counters->records, counters->sent);
    if (counters->messages)
        fprintf(file, " in %" PRIu64 " messages", counters->messages);
    if (counters->queued)
        fprintf(file, ", queued %" PRIu64, counters->queued);
    if (counters->spooled)
        fprintf(file, ", spooled %" PRIu64, counters->spooled);
    for (unsigned i = 0; i < DESTINATION_LOST_COUNT; i++)
        if (counters->lost[i])
            fprintf(file, ", lost (%s) %" PRIu64, ledger_destination_lost_names[i],
                    counters->lost[i]);
    fputc('\n', file);
    print_spool(file, counters);
    const struct transport_report *report = &counters->connection;
    if (report->connect_attempts)
        fprintf(file, "  %s, connected %" PRIu64 " times in %" PRIu64 " attempts%s%s\n",
                ledger_transport_states[report->state], report->connects, report->connect_attempts,
                report->last_error[0] ? ", last error: " : "", report->last_error);
}

static void print_destinations(const struct ledger *ledger, FILE *file)
{
    for (uint32_t d = 0; d < ledger->destination_count; d++)
        print_destination(file, &ledger->places[d], &ledger->destinations[d]);
    for (uint32_t g = 0; g < ledger->group_count; g++)
        fprintf(file, "group %s (%s)\n  records %" PRIu64 "\n", ledger->groups[g].name,
                ledger_mode_names[ledger->groups[g].mode], ledger_group_records(ledger, g));
}

/* What became of the packets that a cache metered. */
static void print_metered(const struct ledger *ledger, FILE *file)
{
    const struct ledger_terms *terms = &ledger->probe;
    print_pair(file, "metered (IP)", terms->metered);
    print_pair(file, "  exported", terms->exported);
    print_some(file, "  cached", terms->cached);
    print_some(file, "  in the kernel", terms->in_kernel);
    print_group(file, "lost", terms->lost, ledger_lost_names, LOST_COUNT);
    fprintf(file, "%-*s%16" PRIu64 "\n", NAME_WIDTH, "flow records", terms->records_out);
    print_destinations(ledger, file);
}

/* What became of the packets that the snapshot ring was offered. */
static void print_snapshot(const struct snapshot_account *account, FILE *file)
{
    if (account->seen.packets == 0)
        return;
    print_pair(file, "snapshot ring: seen (frames)", account->seen);
    print_pair(file, "  stored", account->stored);
    print_some(file, "  in memory", account->in_memory);
    print_group(file, "cut off", account->cut_off, ledger_snapshot_cut_off_names,
                SNAPSHOT_CUT_OFF_COUNT);
    print_some(file, "  overload", account->overload);
    print_group(file, "failed", account->failed, ledger_snapshot_failed_names,
                SNAPSHOT_FAILED_COUNT);
}

/* What another cache has of its own. */
static void print_cache(const struct ledger *ledger, FILE *file)
{
    const struct ledger_terms *terms = &ledger->probe;
    fprintf(file, "cache %s\n", ledger->cache_name);
    print_some(file, "dropped: cache_full", terms->dropped[DROPPED_CACHE_FULL]);
    print_metered(ledger, file);
}

void ledger_print(const struct ledger *ledger, FILE *file)
{
    const struct ledger_terms *probe = &ledger->probe;
    struct error problem = {""};
    print_pair(file, "observed (frames)", probe->observed);
    print_group(file, "filtered", probe->filtered, ledger_filtered_names, FILTERED_COUNT);
    print_group(file, "ignored", probe->ignored, ledger_ignored_names, IGNORED_COUNT);
    print_group(file, "dropped", probe->dropped, ledger_dropped_names, DROPPED_COUNT);
    print_pair(file, "  metered (frames)", probe->metered_frame);
    print_metered(ledger, file);
    for (uint32_t c = 0; c < ledger->other_count; c++)
        print_cache(ledger->others[c], file);
    print_snapshot(&probe->snapshot, file);
    if (ledger->replays.count)
        fprintf(file,
                "replays, outside of the balance: %" PRIu64 "\n  records %" PRIu64 ", sent %" PRIu64
                ", lost %" PRIu64 "\n",
                ledger->replays.count, ledger->replays.found, ledger->replays.sent,
                ledger->replays.lost);
    for (uint32_t i = 0; i < ledger->link_count; i++)
        if (ledger->links[i].losses)
            fprintf(file, "%s: the link went down, %" PRIu64 " times\n", ledger->links[i].name,
                    ledger->links[i].losses);
    for (uint32_t i = 0; i < ledger->blind_count; i++)
        fprintf(file, "%s: the device does not tell what it dropped\n", ledger->blind[i]);
    if (ledger_balanced(ledger, &problem))
        fprintf(file, "every packet and record is accounted for\n");
    else
        fprintf(file, "NOT BALANCED: %s\n", problem.text);
}
