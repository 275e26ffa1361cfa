/*
 * Prints docs/configuration.md, the manual of every leaf, from the module and the table of options.
 * A program of the build, not installed; a test compares its output with the committed page.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_tree.h"
#include "options.h"
#include "plan.h"

enum { PAGE_WIDTH = 100 };

static const char introduction[] =
    "A configuration is an instance of the YANG module `spanflow`, as JSON (RFC 7951) or XML. Its "
    "names are those of RFC 6728 where that has the setting. `spanflowd -c FILE` runs it, "
    "`spanflowd --check -c FILE` only checks it. Command line options set the same leaves, on top "
    "of the file. Two leaves are a whole configuration, and hold what the options `-i` and `-e` "
    "take:";

static const char start[] = "\n```json\n"
                            "{\n"
                            "  \"spanflow:spanflow\": {\n"
                            "    \"source\": [\"xdp:eth1\"],\n"
                            "    \"collector\": [\"udp://192.0.2.1:2055?profile=nfdump\"]\n"
                            "  }\n"
                            "}\n"
                            "```\n\n";

static const char expansion[] =
    "They stand for entries of the lists below: an `observationPoint` for each source, and a "
    "`destination` for each collector. A list that is not there has one entry named `default`, "
    "with "
    "the usual values: one selection process, whose packets go to one cache, whose records go to "
    "one "
    "exporting process. An entry that is written takes the place of the one that would be made "
    "with "
    "its name. Whatever needs more than two leaves is written as entries:";

static const char example[] =
    "\n```json\n"
    "{\n"
    "  \"spanflow:spanflow\": {\n"
    "    \"observationPoint\": [\n"
    "      { \"name\": \"mirror0\", \"device\": \"0000:03:00.0\" }\n"
    "    ],\n"
    "    \"cache\": [{ \"name\": \"default\", \"activeTimeout\": 300, \"idleTimeout\": 30 }],\n"
    "    \"exportingProcess\": [\n"
    "      { \"name\": \"default\", \"destination\": [\n"
    "        { \"name\": \"nfdump\", \"udpExporter\": { \"destinationAddress\": \"192.0.2.7\" } }\n"
    "      ] }\n"
    "    ]\n"
    "  }\n"
    "}\n"
    "```\n\n";

static const char rules[] =
    "In JSON a 64-bit number (`recordRateLimit`) is a string, every other number is a number; a "
    "list is always an array. A file is refused as a whole, with one line that names the leaf, if "
    "anything in it is unknown or not possible. A limit in characters is also one in octets. A "
    "JSON "
    "file of the revision 2026-11-22, which had one cache and one exporting process and therefore "
    "no "
    "lists of them, is understood: they become the entries `default`. Options set leaves of the "
    "entry `default`, or of the only entry if that has another name.\n\nA commit over NETCONF "
    "changes "
    "a running probe. Nearly every leaf is taken between two batches of packets: no packet is "
    "lost, "
    "and no flow record is cut. Where a change does more, the leaf says so.";

/* Prints TEXT in lines of at most PAGE_WIDTH columns, each after INDENT blanks. An empty line of
 * TEXT stays one; other line breaks of the module are only its layout. */
static void print_wrapped(const char *text, int indent)
{
    int column = 0;
    while (*text) {
        size_t length = strcspn(text, " \n");
        if (strncmp(text, "\n\n", 2) == 0) {
            printf("\n\n");
            column = 0;
        }
        if (length == 0) {
            text++;
            continue;
        }
        if (column > 0 && column + 1 + (int)length > PAGE_WIDTH) {
            putchar('\n');
            column = 0;
        }
        column += printf("%*s%.*s", column ? 1 : indent, "", (int)length, text);
        text += length;
    }
    putchar('\n');
}

static void append(char *text, size_t size, const char *form, const char *option)
{
    size_t length = strlen(text);
    snprintf(text + length, size - length, form, option);
}

/* The options that set the leaf at PATH. */
static void append_options(const char *path, char *text, size_t size)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option_description *option = &option_table[i];
        char letter[2] = {option->letter, 0};
        if (option->leaf && strcmp(option->leaf, path) == 0)
            append(text, size, option->letter ? "; option `-%s`" : "; option `--%s`",
                   option->letter ? letter : option->name);
    }
    for (const struct option_word *word = option_timeout_words; word->word; word++)
        if (strcmp(word->leaf, path) == 0)
            append(text, size, "; option `-t %s`", word->word);
    for (const struct option_word *word = option_flood_words; word->word; word++)
        if (strcmp(word->leaf, path) == 0)
            append(text, size, "; option `--flood %s`", word->word);
    for (const struct option_word *word = option_alert_words; word->word; word++)
        if (strcmp(word->leaf, path) == 0)
            append(text, size, "; option `--alerts %s`", word->word);
    for (const struct option_word *word = option_snapshot_words; word->word; word++)
        if (strcmp(word->leaf, path) == 0)
            append(text, size, "; option `--snapshot DIRECTORY,%s`", word->word);
}

static void print_values(const struct lysc_type *type)
{
    if (type->basetype != LY_TYPE_ENUM)
        return;
    const struct lysc_type_enum *list = (const struct lysc_type_enum *)type;
    putchar('\n');
    for (LY_ARRAY_COUNT_TYPE i = 0; i < LY_ARRAY_COUNT(list->enums); i++) {
        char line[512];
        snprintf(line, sizeof line, "- `%s`: %s", list->enums[i].name,
                 list->enums[i].dsc ? list->enums[i].dsc : "");
        print_wrapped(line, 0);
    }
}

/* What a change costs, if it is not taken between two batches of packets. */
static void print_change(const char *path)
{
    static const char rebuild[] =
        "A change opens the sources anew: packets of that moment are not observed.";
    static const char exchange[] =
        "A change gives the sources to other workers: no packet is lost, and the flows that are "
        "open end with reason 4 (forced end).";
    static const char sources[] =
        "A change concerns this source alone: it is opened anew, and packets of that moment are "
        "not observed there. Other sources lose no packet, and no flow ends.";
    unsigned action = plan_action_of(path);
    if (action != PLAN_REBUILD && action != PLAN_EXCHANGE && action != PLAN_SOURCES)
        return;
    putchar('\n');
    print_wrapped(action == PLAN_REBUILD    ? rebuild
                  : action == PLAN_EXCHANGE ? exchange
                                            : sources,
                  0);
}

static void print_leaf(const struct lysc_node *node)
{
    char path[256];
    char type[256];
    char line[1024];
    bool single = node->nodetype == LYS_LEAF;
    const char *usual = config_tree_default(node);
    config_tree_schema_path(node, path, sizeof path);
    config_tree_describe_type(node, type, sizeof type);
    snprintf(line, sizeof line, "%s%s%s%s%s", type, single ? "" : "; more than one is possible",
             usual ? "; default " : "", usual ? usual : "",
             node->flags & LYS_MAND_TRUE ? "; must be given" : "");
    append_options(path, line, sizeof line);
    printf("\n### `%s`\n\n", path);
    print_wrapped(line, 0);
    putchar('\n');
    print_wrapped(node->dsc, 0);
    print_values(single ? ((const struct lysc_node_leaf *)node)->type
                        : ((const struct lysc_node_leaflist *)node)->type);
    print_change(path);
    if (node->ref) {
        putchar('\n');
        print_wrapped(node->ref, 0);
    }
}

static void print_container(const struct lysc_node *node)
{
    char path[256];
    config_tree_schema_path(node, path, sizeof path);
    printf("\n## `%s`\n\n", path);
    if (node->nodetype == LYS_LIST)
        printf("A list; each entry has its own `%s`.\n\n", lysc_node_child(node)->name);
    print_wrapped(node->dsc, 0);
}

/* Leaves before containers, so that each stands under the heading it belongs to. */
static void print_below(const struct lysc_node *parent)
{
    const struct lysc_node *child = NULL;
    while ((child = lys_getnext(child, parent, NULL, 0)))
        if (child->nodetype & (LYS_LEAF | LYS_LEAFLIST))
            print_leaf(child);
    while ((child = lys_getnext(child, parent, NULL, 0))) {
        if (!(child->nodetype & (LYS_CONTAINER | LYS_LIST)) || child->flags & LYS_CONFIG_R)
            continue;
        print_container(child);
        print_below(child);
    }
}

int main(void)
{
    struct config_tree tree;
    struct error error = {""};
    if (!config_tree_open(&tree, &error)) {
        fprintf(stderr, "describe: %s\n", error.text);
        return EXIT_FAILURE;
    }
    puts("# Configuration\n\nMade by the build from `config/yang` and the table of "
         "options: do not edit.\n");
    print_wrapped(introduction, 0);
    fputs(start, stdout);
    print_wrapped(expansion, 0);
    fputs(example, stdout);
    print_wrapped(rules, 0);
    print_container(tree.root->schema);
    print_below(tree.root->schema);
    config_tree_close(&tree);
    return EXIT_SUCCESS;
}
