/*
 * Places of errors about destinations. See destination_place.h.
 */
#include "destination_place.h"

#include <stdio.h>
#include <string.h>

#include "options.h"

/* Names may be longer than there is room for in a line. */
enum { NAME_SHOWN_MAX = 100 };

/* What is said of leaves that have no word behind the question mark of -e. */
static const struct {
    const char *said, *leaf;
} other_leaves[] = {
    {"cannot find the host", "destinationAddress"},
    {"cannot open for writing", "file"},
    {"its file is still written", "file"},
};

static const char *container_of(const struct destination_config *destination)
{
    switch (destination->kind) {
    case DESTINATION_UDP:
    case DESTINATION_DTLS:
        return "udpExporter/";
    case DESTINATION_TCP:
    case DESTINATION_TLS:
        return "tcpExporter/";
    case DESTINATION_SCTP:
        return "sctpExporter/";
    case DESTINATION_KAFKA:
        return "kafkaExporter/";
    case DESTINATION_FILE:
        return "fileWriter/";
    case DESTINATION_JSON:
        return "jsonWriter/";
    }
    return "";
}

/* Whether LINE has the word of OPTION, as in "source=192.0.2.1" or "anonymise: ". */
static bool has_word(const char *line, const struct option_word *option)
{
    size_t length = strcspn(option->word, "=");
    for (const char *at = strchr(line, ' '); at; at = strchr(at + 1, ' '))
        if (strncmp(at + 1, option->word, length) == 0 && strchr("=:", at[1 + length]) &&
            at[1 + length])
            return true;
    return false;
}

/* The leaf that LINE, behind the name of DESTINATION, is about; "" for none in particular. */
static void find_leaf(const struct destination_config *destination, const char *line, char *leaf,
                      size_t octets)
{
    for (const struct option_word *option = option_destination_words; option->word; option++) {
        if (!has_word(line, option))
            continue;
        snprintf(leaf, octets, "/%s%s", option->common ? "" : container_of(destination),
                 option->leaf);
        return;
    }
    for (size_t i = 0; i < sizeof other_leaves / sizeof other_leaves[0]; i++)
        if (strstr(line, other_leaves[i].said)) {
            snprintf(leaf, octets, "/%s%s", container_of(destination), other_leaves[i].leaf);
            return;
        }
    leaf[0] = '\0';
}

static size_t shown_length(const struct destination_config *destination)
{
    size_t length = strlen(destination->name);
    return length < NAME_SHOWN_MAX ? length : NAME_SHOWN_MAX;
}

/* A name as XPath has it; one with quotes of both kinds cannot be written. */
static const char *quote_for(const char *name)
{
    return !strchr(name, '\'') ? "'" : !strchr(name, '"') ? "\"" : NULL;
}

static void write_path(const struct cache_config *cache,
                       const struct destination_config *destination, const char *line, char *path,
                       size_t octets)
{
    char leaf[128];
    const char *of_process = quote_for(cache->exporter_name),
               *of_entry = quote_for(destination->name);
    find_leaf(destination, line + shown_length(destination), leaf, sizeof leaf);
    if (!of_process || !of_entry)
        snprintf(path, octets, "/spanflow:spanflow/exportingProcess/destination%s", leaf);
    else
        snprintf(path, octets,
                 "/spanflow:spanflow/exportingProcess[name=%s%s%s]/destination[name=%s%.700s%s]%s",
                 of_process, cache->exporter_name, of_process, of_entry, destination->name,
                 of_entry, leaf);
}

bool config_destination_place(const struct probe_config *config, const char *line, char *path,
                              size_t octets)
{
    const struct destination_config *found = NULL;
    const struct cache_config *of = NULL;
    for (uint32_t c = 0; c < config->cache_count; c++) {
        const struct exporting_process_config *exporting = &config->caches[c].exporting;
        for (uint32_t d = 0; d < exporting->destination_count; d++) {
            const struct destination_config *it = &exporting->destinations[d];
            size_t length = shown_length(it);
            bool fits = strncmp(line, it->name, length) == 0 && line[length] == ':';
            if (!fits || (found && shown_length(found) >= length))
                continue;
            found = it;
            of = &config->caches[c];
        }
    }
    if (found)
        write_path(of, found, line, path, octets);
    return found != NULL;
}
