/* The container names as plain values, and which of them each destination is to tell. */
#include <string.h>

#include "model.h"
#include "model_read.h"
#include "template/template.h"

#define NAMES "names/"

enum handling { HANDLING_OFF, HANDLING_HASH, HANDLING_CLEAR };
static const struct word_value handlings[] = {
    {"off", HANDLING_OFF}, {"keyed-hash", HANDLING_HASH}, {"clear", HANDLING_CLEAR}, {0}};

#define LEAF(symbol, key, side, octets, help) NAMES key,
static const char *const leaves[NAME_TYPE_COUNT] = {NAME_TYPES(LEAF)};

/* The types of names that TO's records may carry. In clear they would undo what anonymisation of
 * addresses is for. On the wire a status is a number, which no hash is. */
static uint32_t told_by(const struct destination_config *to, const struct flow_names *wanted)
{
    if (to->profile != PROFILE_FULL && to->profile != PROFILE_ELEMENTS)
        return 0;
    uint32_t told = wanted->hashed;
    if (!to->anonymisation_key[0])
        told |= wanted->clear;
    if (!destination_is_json(to))
        told &= ~(wanted->hashed & 1u << NAME_HTTP_STATUS);
    return told;
}

bool model_read_names(const struct lyd_node *root, struct probe_config *config, struct error *error)
{
    struct flow_names *wanted = &config->names.wanted;
    for (unsigned type = 0; type < NAME_TYPE_COUNT; type++) {
        unsigned handling = model_word(handlings, config_tree_value(root, leaves[type]));
        wanted->hashed |= (handling == HANDLING_HASH ? 1u : 0u) << type;
        wanted->clear |= (handling == HANDLING_CLEAR ? 1u : 0u) << type;
    }
    for (uint32_t c = 0; c < config->cache_count; c++) {
        struct exporting_process_config *exporting = &config->caches[c].exporting;
        for (uint32_t i = 0; i < exporting->destination_count; i++)
            exporting->destinations[i].names = told_by(&exporting->destinations[i], wanted);
    }
    return model_text(root, NAMES "hashKey", config->names.key_file, sizeof config->names.key_file,
                      error);
}

/* Whether the records that TO gets can have a name. */
static bool tells_names(const struct destination_config *to)
{
    uint16_t fields[TEMPLATE_FIELDS_MAX];
    if (!to->names || (destination_is_json(to) && to->profile == PROFILE_FULL))
        return to->names != 0;
    uint32_t count =
        destination_is_json(to) || to->version == 10 ? profile_fields(to, 0, fields) : 0;
    for (uint32_t i = 0; i < count; i++) {
        enum name_type type = element_name_type(fields[i]);
        if (type != NAME_TYPE_COUNT && to->names >> type & 1u)
            return true;
    }
    return false;
}

const char *model_names_untold(const struct probe_config *config)
{
    if (!(config->names.wanted.clear | config->names.wanted.hashed))
        return NULL;
    for (uint32_t c = 0; c < config->cache_count; c++) {
        const struct exporting_process_config *exporting = &config->caches[c].exporting;
        for (uint32_t i = 0; i < exporting->destination_count; i++)
            if (tells_names(&exporting->destinations[i]))
                return NULL;
    }
    return "/spanflow/names: names are looked for and leave with no record: no destination has the "
           "profile full or such elements in IPFIX or JSON, or it anonymises and they are in clear";
}
