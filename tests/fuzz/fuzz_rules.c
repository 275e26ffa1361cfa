/*
 * Fuzz target: the input is a file of application rules. It is read, or refused with a line that
 * names the place; what was read keeps its promises and can be read behind other rules.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/application_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int condition)
{
    if (!condition)
        abort();
}

static void look_at(const struct application_rules *rules)
{
    for (uint32_t i = 0; i < rules->application_count; i++) {
        const struct application *a = &rules->applications[i];
        expect(a->number > 0 && a->number <= APPLICATION_NUMBER_MAX);
        expect(a->name[0] && memchr(a->name, 0, sizeof a->name));
        expect(a->title[0] && memchr(a->title, 0, sizeof a->title));
        expect(a->port_count <= APPLICATION_PORTS_MAX);
        expect(a->severity < SEVERITY_COUNT && (a->severity != SEVERITY_NONE || !a->freeze));
    }
    for (uint32_t i = 0; i < rules->match_count; i++) {
        const struct application_match *m = &rules->matches[i];
        expect(m->application < rules->application_count && m->file < rules->file_count);
        expect(m->transports && m->sides && m->priority < 100);
        expect(m->hits >= 1 && m->hits <= APPLICATION_HITS_MAX);
        expect(m->length_min <= m->length_max && m->port_count <= APPLICATION_MATCH_PORTS_MAX);
        expect(m->expression ? m->expression[0] != 0 : m->port_count && m->confirm);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct application_rules rules = {0};
    struct error error = {""};
    static const char known[] = "application a 1 \"A\"\n match tcp either /a/\n";
    if (application_rules_read(&rules, (const char *)data, size, "own", &error))
        look_at(&rules);
    else
        expect(strncmp(error.text, "own:", 4) == 0);
    application_rules_free(&rules);
    expect(application_rules_read(&rules, known, sizeof known - 1, "known", &error));
    if (application_rules_read(&rules, (const char *)data, size, "own", &error))
        look_at(&rules);
    application_rules_free(&rules);
    return 0;
}
