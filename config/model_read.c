/* Leaves as values of C. The tree is valid, so a leaf with a default is always there. */
#include "model_read.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "config_tree.h"

/* A word that the module allows and this table lacks is our own mistake. */
unsigned model_word(const struct word_value *table, const char *word)
{
    while (table->word && strcmp(table->word, word) != 0)
        table++;
    check(table->word);
    return table->value;
}

uint64_t model_number(const struct lyd_node *node, const char *path, uint64_t missing)
{
    const char *value = config_tree_value(node, path);
    return value ? strtoull(value, NULL, 10) : missing;
}

uint32_t model_number32(const struct lyd_node *node, const char *path)
{
    return (uint32_t)model_number(node, path, 0);
}

bool model_truth(const struct lyd_node *node, const char *path)
{
    const char *value = config_tree_value(node, path);
    return value && strcmp(value, "true") == 0;
}

/* Copies a text leaf; an absent one is "". The module counts characters, memory counts octets. */
bool model_text(const struct lyd_node *node, const char *path, char *text, size_t size,
                struct error *error)
{
    const char *value = config_tree_value(node, path);
    size_t length = value ? strlen(value) : 0;
    if (length >= size) {
        error_set(error, "%s: longer than %zu octets; give less", path, size - 1);
        return false;
    }
    if (length)
        memcpy(text, value, length);
    return true;
}

/* ADDRESS/LENGTH in canonical form, as the module's type gives it. */
static void read_prefix(const char *text, struct prefix *prefix)
{
    char address[INET6_ADDRSTRLEN];
    size_t length = strcspn(text, "/");
    check(length < sizeof address && text[length] == '/');
    memcpy(address, text, length);
    address[length] = 0;
    prefix->family = strchr(address, ':') ? 6 : 4;
    prefix->length = (uint8_t)strtoul(text + length + 1, NULL, 10);
    check(inet_pton(prefix->family == 6 ? AF_INET6 : AF_INET, address, prefix->address) == 1);
}

uint32_t model_prefixes(const struct lyd_node *node, const char *name, struct prefix *prefixes,
                        uint32_t max)
{
    uint32_t count = 0;
    for (const struct lyd_node *child = lyd_child(node); child; child = child->next) {
        if (strcmp(child->schema->name, name) != 0)
            continue;
        check(count < max);
        read_prefix(lyd_get_value(child), &prefixes[count++]);
    }
    return count;
}
