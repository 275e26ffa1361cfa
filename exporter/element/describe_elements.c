/*
 * Prints the tables of docs/export.md: every element of flow records with the profiles that have
 * it, and every element of options records. A program of the build, not installed; a test compares
 * its output with the committed page.
 */
#include <stdio.h>
#include <stdlib.h>

#include "template/template.h"

static const struct {
    enum export_profile profile;
    unsigned version;
    const char *name;
} columns[] = {{PROFILE_PLAIN, 10, "plain"},
               {PROFILE_NFDUMP, 9, "nfdump"},
               {PROFILE_SILK, 10, "silk"},
               {PROFILE_FLUENTD_V9, 9, "fluentd-v9"},
               {PROFILE_FULL, 10, "full"}};

enum { IN_UNIFLOW = 1, IN_BIFLOW = 2 };

/* Whether messages of the profile have ELEMENT: in uniflows, in biflows, or in both. */
static unsigned uses(unsigned column, enum element element)
{
    unsigned found = 0;
    struct destination_config d = {.kind = DESTINATION_UDP,
                                   .aggregates = true,
                                   .lists = true,
                                   .brands = true,
                                   .names = UINT32_MAX,
                                   .client_port_records = 1,
                                   .profile = columns[column].profile,
                                   .version = columns[column].version};
    for (unsigned unit = TIME_MILLISECONDS; unit <= TIME_NANOSECONDS; unit++) {
        d.time_unit = unit;
        for (unsigned kind = 0; kind < TEMPLATE_KINDS; kind++) {
            uint16_t fields[TEMPLATE_FIELDS_MAX];
            if (kind & TEMPLATE_BIFLOW && d.profile == PROFILE_FLUENTD_V9)
                continue;
            for (uint32_t i = profile_fields(&d, kind, fields); i-- > 0;)
                if (fields[i] == element)
                    found |= kind & TEMPLATE_BIFLOW ? IN_BIFLOW : IN_UNIFLOW;
        }
        if (d.profile == PROFILE_NFDUMP || d.profile == PROFILE_SILK || d.version == 9)
            break;
    }
    return found;
}

static void print_identity(const struct element_info *info)
{
    printf("| `%s` | ", info->name);
    if (info->pen)
        printf("%u/", info->pen);
    printf("%u | ", info->id);
    if (info->v9_type)
        printf("%u", info->v9_type);
    if (info->octets == ELEMENT_VARIABLE)
        printf(" | any | ");
    else
        printf(" | %u | ", info->octets);
}

static void print_profiles(enum element element)
{
    const char *between = "";
    for (unsigned c = 0; c < sizeof columns / sizeof columns[0]; c++) {
        unsigned found = uses(c, element);
        if (!found)
            continue;
        bool biflow_alone = found == IN_BIFLOW && !element_is_reverse(element);
        printf("%s%s%s", between, columns[c].name, biflow_alone ? " (biflow)" : "");
        between = ", ";
    }
}

int main(void)
{
    puts("| element | id | v9 type | octets | profiles | meaning |\n|---|---|---|---|---|---|");
    for (unsigned i = 0; i < ELEMENT_COUNT; i++) {
        const struct element_info *info = &element_table[i];
        if (info->value == ELEMENT_NO_VALUE)
            continue;
        print_identity(info);
        print_profiles(i);
        printf(" | %s |\n", info->help);
    }
    puts("\nIn options records only:\n\n| element | id | v9 type | octets | meaning |\n"
         "|---|---|---|---|---|");
    for (unsigned i = 0; i < ELEMENT_COUNT; i++) {
        if (element_table[i].value != ELEMENT_NO_VALUE)
            continue;
        print_identity(&element_table[i]);
        printf("%s |\n", element_table[i].help);
    }
    return EXIT_SUCCESS;
}
