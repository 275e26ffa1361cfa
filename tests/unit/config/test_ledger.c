/*
 * The ledger as a whole: a run that adds up is balanced, and each single counter that is off by one
 * unbalances it and names the identity that broke.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger.h"

enum { WORKERS = 2, SOURCES = 2, DESTINATIONS = 2 };

/* The copies of one cut; every counter has a value of its own. */
struct cut {
    struct worker_ledger workers[WORKERS];
    struct source_ledger sources[WORKERS][SOURCES];
    struct ledger_account accounts[WORKERS];
    struct exporter_counters exporter;
    char names[DESTINATIONS][64];
};

static uint64_t next_value = 1;

static uint64_t value(void)
{
    next_value = next_value * 2862933555777941757u + 3037000493u;
    return 1 + (next_value >> 44);
}

static struct ledger_pair pair(void)
{
    return (struct ledger_pair){value(), value()};
}

static void move(struct ledger_pair *to, struct ledger_pair term)
{
    to->packets += term.packets;
    to->octets += term.octets;
}

/* A worker whose counters add up: what is observed is made of what became of it, here only. */
static void fill_worker(struct cut *cut, unsigned w)
{
    struct worker_ledger *worker = &cut->workers[w];
    struct ledger_account *account = &cut->accounts[w];
    struct ledger_pair observed = {0, 0};
    *account = (struct ledger_account){.worker = worker,
                                       .sources = cut->sources[w],
                                       .source_count = SOURCES,
                                       .cached = pair(),
                                       .in_kernel = pair()};
    for (unsigned i = 0; i < FILTERED_COUNT; i++)
        move(&observed, worker->filtered[i] = pair());
    for (unsigned i = 0; i < IGNORED_COUNT; i++)
        move(&observed, worker->ignored[i] = pair());
    move(&observed, worker->dropped[DROPPED_CACHE_FULL] = pair());
    move(&observed, cut->sources[w][0].dropped[DROPPED_DEVICE_MISSED] = pair());
    move(&observed, cut->sources[w][1].dropped[DROPPED_SOCKET_FULL] = pair());
    move(&observed, cut->sources[w][1].host = pair());
    cut->exporter.exported[w] = pair();
    move(&worker->metered, account->cached);
    move(&worker->metered, account->in_kernel);
    move(&worker->metered, cut->exporter.exported[w]);
    for (unsigned i = 0; i < LOST_COUNT; i++)
        move(&worker->metered, worker->lost[i] = pair());
    worker->metered_frame.packets = worker->metered.packets;
    worker->metered_frame.octets = worker->metered.octets + value();
    move(&observed, worker->metered_frame);
    cut->sources[w][0].observed = (struct ledger_pair){observed.packets / 3, observed.octets / 4};
    cut->sources[w][1].observed = (struct ledger_pair){observed.packets - observed.packets / 3,
                                                       observed.octets - observed.octets / 4};
    worker->flows = value();
}

static void fill(struct cut *cut)
{
    uint64_t records = 0;
    memset(cut, 0, sizeof *cut);
    for (unsigned w = 0; w < WORKERS; w++)
        fill_worker(cut, w);
    cut->exporter.destination_count = DESTINATIONS;
    for (unsigned d = 0; d < DESTINATIONS; d++) {
        struct destination_counters *counters = &cut->exporter.destination[d];
        counters->queued = 20 + d;
        counters->spooled = 10;
        counters->sent = 1000 - d;
        for (unsigned i = 0; i < DESTINATION_LOST_COUNT; i++)
            counters->records += counters->lost[i] = 5 + i;
        counters->records += counters->queued + counters->spooled + counters->sent;
        records = counters->records;
    }
    snprintf(cut->names[0], sizeof cut->names[0], "json:-");
    snprintf(cut->names[1], sizeof cut->names[1], "udp://h\303\266st?version=9");
    for (unsigned d = 0; d < DESTINATIONS; d++)
        cut->exporter.place[d].name = cut->names[d];
    for (unsigned w = 0; w < WORKERS; w++) {
        cut->workers[w].records_out = w == 0 ? records / 3 : records - records / 3;
        cut->exporter.records[w] = cut->workers[w].records_out;
    }
}

static struct ledger *make(const struct cut *cut)
{
    static struct ledger ledger;
    ledger_make(&ledger, cut->accounts, WORKERS, &cut->exporter);
    return &ledger;
}

static void balanced(void **state)
{
    (void)state;
    static struct cut cut;
    struct error problem = {""};
    fill(&cut);
    if (!ledger_balanced(make(&cut), &problem))
        fail_msg("%s", problem.text);
}

/* Changes COUNTER by one, up and down, and expects WHOSE and IDENTITY in the complaint. */
static void expect_unbalanced(struct cut *cut, uint64_t *counter, const char *whose,
                              const char *identity)
{
    for (int step = -1; step <= 1; step += 2) {
        struct error problem = {""};
        *counter += (uint64_t)step;
        bool found = !ledger_balanced(make(cut), &problem);
        *counter -= (uint64_t)step;
        if (!found || !strstr(problem.text, whose) || !strstr(problem.text, identity) ||
            (!strstr(problem.text, ", 1 missing") && !strstr(problem.text, ", 1 too many")))
            fail_msg("expected '%s' and '%s' in '%s'", whose, identity, problem.text);
    }
    assert_true(ledger_balanced(make(cut), NULL));
}

static void expect_pairs_unbalanced(struct cut *cut, struct ledger_pair *terms, unsigned count,
                                    const char *whose, const char *identity)
{
    for (unsigned i = 0; i < count; i++) {
        expect_unbalanced(cut, &terms[i].packets, whose, identity);
        expect_unbalanced(cut, &terms[i].octets, whose, identity);
    }
}

#define OBSERVED "observed = metered + filtered + ignored + dropped"
#define METERED  "metered = exported + cached + in_kernel + lost"

static void each_packet_term(void **state)
{
    (void)state;
    static struct cut cut;
    fill(&cut);
    for (unsigned w = 0; w < WORKERS; w++) {
        const char *whose = w == 0 ? "worker 0: " : "worker 1: ";
        struct worker_ledger *worker = &cut.workers[w];
        expect_pairs_unbalanced(&cut, worker->filtered, FILTERED_COUNT, whose, OBSERVED);
        expect_pairs_unbalanced(&cut, worker->ignored, IGNORED_COUNT, whose, OBSERVED);
        expect_pairs_unbalanced(&cut, worker->dropped, DROPPED_COUNT, whose, OBSERVED);
        expect_pairs_unbalanced(&cut, &worker->metered_frame, 1, whose, OBSERVED);
        for (unsigned s = 0; s < SOURCES; s++) {
            struct source_ledger *source = &cut.sources[w][s];
            expect_pairs_unbalanced(&cut, &source->observed, 1, whose, OBSERVED);
            expect_pairs_unbalanced(&cut, source->dropped, DROPPED_COUNT, whose, OBSERVED);
            expect_pairs_unbalanced(&cut, &source->host, 1, whose, OBSERVED);
        }
        expect_unbalanced(&cut, &worker->metered.packets, whose, "by frames and by IP headers");
        expect_unbalanced(&cut, &worker->metered.octets, whose, METERED);
        expect_pairs_unbalanced(&cut, worker->lost, LOST_COUNT, whose, METERED);
        expect_pairs_unbalanced(&cut, &cut.exporter.exported[w], 1, whose, METERED);
        expect_pairs_unbalanced(&cut, &cut.accounts[w].cached, 1, whose, METERED);
        expect_pairs_unbalanced(&cut, &cut.accounts[w].in_kernel, 1, whose, METERED);
        expect_unbalanced(&cut, &worker->records_out, whose, "records out");
        expect_unbalanced(&cut, &cut.exporter.records[w], whose, "records out");
    }
}

static void each_record_term(void **state)
{
    (void)state;
    static struct cut cut;
    fill(&cut);
    for (unsigned d = 0; d < DESTINATIONS; d++) {
        const char *name = cut.names[d];
        const char *identity = "records = sent + queued + spooled + lost";
        struct destination_counters *counters = &cut.exporter.destination[d];
        expect_unbalanced(&cut, &counters->records, name, "records out = records");
        expect_unbalanced(&cut, &counters->sent, name, identity);
        expect_unbalanced(&cut, &counters->queued, name, identity);
        expect_unbalanced(&cut, &counters->spooled, name, identity);
        for (unsigned i = 0; i < DESTINATION_LOST_COUNT; i++)
            expect_unbalanced(&cut, &counters->lost[i], name, identity);
    }
}

/* Two faults that cancel out in the sums of the probe still show in the workers. */
static void faults_do_not_cancel_out(void **state)
{
    (void)state;
    static struct cut cut;
    fill(&cut);
    cut.workers[0].ignored[0].packets++;
    cut.workers[1].ignored[0].packets--;
    assert_false(ledger_balanced(make(&cut), NULL));
}

/* What the reader of a distribution stage took and no worker saw. */
static void lost_between_source_and_worker(void **state)
{
    (void)state;
    static struct cut cut;
    fill(&cut);
    struct ledger *ledger = make(&cut);
    struct ledger_pair given = ledger->probe.observed;
    ledger_add_given(ledger, &given);
    assert_true(ledger_balanced(ledger, NULL));
    struct error problem = {""};
    ledger_add_given(ledger, &(struct ledger_pair){1, 60});
    assert_false(ledger_balanced(ledger, &problem));
    assert_non_null(strstr(problem.text, "distribution: given by the sources"));
}

static json_int_t number(const json_t *root, const char *first, const char *second)
{
    const json_t *object = json_object_get(root, first);
    const json_t *found = second ? json_object_get(object, second) : object;
    assert_true(json_is_integer(found));
    return json_integer_value(found);
}

static void check_group(const json_t *root, const char *name, const struct ledger_pair *terms,
                        const char *const *names, unsigned count)
{
    const json_t *reasons = json_object_get(json_object_get(root, name), "reasons");
    json_int_t packets = 0;
    json_int_t octets = 0;
    assert_int_equal(json_object_size(reasons), count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(number(reasons, names[i], "packets"), terms[i].packets);
        assert_int_equal(number(reasons, names[i], "octets"), terms[i].octets);
        packets += number(reasons, names[i], "packets");
        octets += number(reasons, names[i], "octets");
    }
    assert_int_equal(number(root, name, "packets"), packets);
    assert_int_equal(number(root, name, "octets"), octets);
}

static void check_terms(const json_t *object, const struct ledger_terms *terms)
{
    assert_int_equal(number(object, "observed", "packets"), terms->observed.packets);
    assert_int_equal(number(object, "observed", "octets"), terms->observed.octets);
    assert_int_equal(number(object, "metered", "packets"), terms->metered.packets);
    assert_int_equal(number(object, "metered", "octets"), terms->metered.octets);
    assert_int_equal(number(object, "metered", "frame_octets"), terms->metered_frame.octets);
    assert_int_equal(number(object, "metered", "flows"), terms->flows);
    assert_int_equal(number(object, "exported", "packets"), terms->exported.packets);
    assert_int_equal(number(object, "exported", "octets"), terms->exported.octets);
    assert_int_equal(number(object, "cached", "packets"), terms->cached.packets);
    assert_int_equal(number(object, "cached", "octets"), terms->cached.octets);
    assert_int_equal(number(object, "in_kernel", "packets"), terms->in_kernel.packets);
    assert_int_equal(number(object, "in_kernel", "octets"), terms->in_kernel.octets);
    assert_int_equal(number(object, "records", "out"), terms->records_out);
    check_group(object, "filtered", terms->filtered, ledger_filtered_names, FILTERED_COUNT);
    check_group(object, "ignored", terms->ignored, ledger_ignored_names, IGNORED_COUNT);
    check_group(object, "dropped", terms->dropped, ledger_dropped_names, DROPPED_COUNT);
    check_group(object, "lost", terms->lost, ledger_lost_names, LOST_COUNT);
}

static void check_destination(const json_t *object, const char *name,
                              const struct destination_counters *counters)
{
    const json_t *lost = json_object_get(object, "lost");
    assert_string_equal(json_string_value(json_object_get(object, "name")), name);
    assert_int_equal(number(object, "records", NULL), counters->records);
    assert_int_equal(number(object, "sent", NULL), counters->sent);
    assert_int_equal(number(object, "queued", NULL), counters->queued);
    assert_int_equal(number(object, "spooled", NULL), counters->spooled);
    assert_int_equal(number(object, "data_records", NULL), counters->data_records);
    assert_int_equal(number(object, "messages", NULL), counters->messages);
    assert_int_equal(json_object_size(lost), DESTINATION_LOST_COUNT);
    for (unsigned i = 0; i < DESTINATION_LOST_COUNT; i++)
        assert_int_equal(number(lost, ledger_destination_lost_names[i], NULL), counters->lost[i]);
}

static void check_connection(const json_t *object, const struct transport_report *report)
{
    const json_t *connection = json_object_get(object, "connection");
    if (report->state == TRANSPORT_STATE_NONE) {
        assert_null(connection);
        return;
    }
    assert_string_equal(json_string_value(json_object_get(connection, "state")), "connected");
    assert_string_equal(json_string_value(json_object_get(connection, "last_error")), "gone");
#define CHECK_COUNTER(name, help) assert_int_equal(number(connection, #name, NULL), report->name);
    TRANSPORT_COUNTERS(CHECK_COUNTER)
}

static void json_tells_everything(void **state)
{
    (void)state;
    static struct cut cut;
    fill(&cut);
    struct transport_report *report = &cut.exporter.destination[1].connection;
    report->state = TRANSPORT_STATE_CONNECTED;
    snprintf(report->last_error, sizeof report->last_error, "gone");
    uint64_t value = 0;
#define SET_COUNTER(name, help) report->name = ++value;
    TRANSPORT_COUNTERS(SET_COUNTER)
    cut.exporter.destination[0].data_records = 77;
    cut.exporter.destination[0].messages = 7;
    struct ledger *ledger = make(&cut);
    ledger_add_blind_source(ledger, "af_packet:eth\303");
    ledger_add_link(ledger, "0000:03:00.0", true, 7);
    char *text = ledger_json(ledger);
    assert_non_null(text);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    check_terms(root, &ledger->probe);
    const json_t *workers = json_object_get(root, "workers");
    assert_int_equal(json_array_size(workers), WORKERS);
    for (unsigned w = 0; w < WORKERS; w++)
        check_terms(json_array_get(workers, w), &ledger->workers[w]);
    const json_t *destinations = json_object_get(root, "destinations");
    assert_int_equal(json_array_size(destinations), DESTINATIONS);
    for (unsigned d = 0; d < DESTINATIONS; d++)
        check_destination(json_array_get(destinations, d), cut.names[d],
                          &cut.exporter.destination[d]);
    for (unsigned d = 0; d < DESTINATIONS; d++)
        check_connection(json_array_get(destinations, d), &cut.exporter.destination[d].connection);
    const json_t *link =
        json_array_get(json_object_get(json_object_get(root, "diagnostics"), "links"), 0);
    assert_string_equal(json_string_value(json_object_get(link, "name")), "0000:03:00.0");
    assert_true(json_is_true(json_object_get(link, "up")));
    assert_int_equal(json_integer_value(json_object_get(link, "losses")), 7);
    const json_t *blind = json_object_get(root, "drops_not_visible");
    assert_string_equal(json_string_value(json_array_get(blind, 0)), "af_packet:eth?");
    assert_true(json_is_true(json_object_get(root, "balanced")));
    json_decref(root);
    free(text);
    cut.workers[0].filtered[0].packets++;
    text = ledger_json(make(&cut));
    root = json_loads(text, 0, NULL);
    assert_true(json_is_false(json_object_get(root, "balanced")));
    assert_null(json_object_get(root, "drops_not_visible"));
    json_decref(root);
    free(text);
}

static void written_whole_or_not_at_all(void **state)
{
    (void)state;
    static struct cut cut;
    char folder[] = "/tmp/spanflow_ledger_XXXXXX";
    char path[64];
    char other[64];
    struct error error = {""};
    struct stat status;
    fill(&cut);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/ledger.json", folder);
    snprintf(other, sizeof other, "%s/link", folder);
    assert_int_equal(symlink(path, other), 0);
    mode_t mask = umask(022);
    assert_true(ledger_write(make(&cut), path, &error));
    assert_true(ledger_write(make(&cut), other, &error));
    umask(mask);
    assert_int_equal(lstat(other, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0644);
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    json_decref(root);
    assert_int_equal(unlink(other), 0);
    assert_int_equal(unlink(path), 0);
    /* Nothing else is left behind. */
    assert_int_equal(rmdir(folder), 0);
    assert_false(ledger_write(make(&cut), path, &error));
    assert_non_null(strstr(error.text, path));
    assert_false(ledger_write(make(&cut), "/dev/full", &error));
    assert_non_null(strstr(error.text, "No space left"));
    assert_true(ledger_write(make(&cut), "/dev/null", &error));
    assert_int_equal(stat("/dev/null", &status), 0);
    assert_true(S_ISCHR(status.st_mode));
}

static void summary_names_what_is_off(void **state)
{
    (void)state;
    static struct cut cut;
    char *text = NULL;
    size_t size = 0;
    fill(&cut);
    FILE *file = open_memstream(&text, &size);
    ledger_print(make(&cut), file);
    fclose(file);
    assert_non_null(strstr(text, "observed"));
    assert_non_null(strstr(text, "ignored: arp"));
    assert_non_null(strstr(text, "json:-\n"));
    assert_non_null(strstr(text, "lost (queue_full) 5"));
    assert_non_null(strstr(text, "accounted for"));
    assert_null(strstr(text, "NOT BALANCED"));
    free(text);
    cut.exporter.exported[1].octets++;
    file = open_memstream(&text, &size);
    ledger_print(make(&cut), file);
    fclose(file);
    assert_non_null(strstr(text, "NOT BALANCED: worker 1: " METERED));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(balanced),
        cmocka_unit_test(each_packet_term),
        cmocka_unit_test(each_record_term),
        cmocka_unit_test(faults_do_not_cancel_out),
        cmocka_unit_test(lost_between_source_and_worker),
        cmocka_unit_test(json_tells_everything),
        cmocka_unit_test(written_whole_or_not_at_all),
        cmocka_unit_test(summary_names_what_is_off),
    };
    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
