/*
 * spanflow flows and top: what the caches hold now. A long answer comes in parts, which are put
 * together.
 */
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "filter_expression.h"
#include "table.h"
#include "verbs.h"

enum { FLOWS_PART = 1000, FLOWS_USUAL = 100, FILTER_TEXT_MAX = 1024 };
static const int flows_wait_ms = 60000;
static const char model[] = "urn:spanflow:params:xml:ns:yang:spanflow";

/* The words of a filter; leaves of the operation have the same names. */
static const char *const filter_words[] = {"address",     "port",  "protocol",
                                           "application", "cache", "list"};

/* The number of a protocol by its name; the word itself if it has none. */
static const char *protocol_number(const char *word, char text[8])
{
    const struct protoent *found = getprotobyname(word);
    if (!found)
        return word;
    snprintf(text, 8, "%d", found->p_proto);
    return text;
}

/* A single address is a prefix of its whole length. */
static const char *as_prefix(const char *word, char text[128])
{
    if (strchr(word, '/'))
        return word;
    snprintf(text, 128, "%.100s/%d", word, strchr(word, ':') ? 128 : 32);
    return text;
}

/* Whether VALUE is one for the leaf of that name. ERROR speaks of WORD, as it was typed. */
static bool check_value(const struct ly_ctx *context, const char *leaf, const char *value,
                        const char *word, struct error *error)
{
    char path[80];
    snprintf(path, sizeof path, "/spanflow:flows/%s", leaf);
    const struct lysc_node *schema = lys_find_path(context, NULL, path, 0);
    if (schema &&
        lyd_value_validate(context, schema, value, strlen(value), NULL, NULL, NULL) == LY_SUCCESS)
        return true;
    error_set(error, "%s: not possible: %s", word,
              ly_errmsg(context) ? ly_errmsg(context) : "no such word");
    return false;
}

/* Adds the leaf LEAF, which WORD means, to FILE. */
static bool write_leaf(const struct ly_ctx *context, FILE *file, const char *leaf, const char *word,
                       struct error *error)
{
    char number[8], prefix[128];
    const char *value = strchr(word, '=') + 1;
    if (strcmp(leaf, "protocol") == 0)
        value = protocol_number(value, number);
    else if (strcmp(leaf, "address") == 0)
        value = as_prefix(value, prefix);
    if (!check_value(context, leaf, value, word, error))
        return false;
    fprintf(file, "<%s>", leaf);
    client_write_escaped(file, value);
    fprintf(file, "</%s>", leaf);
    return true;
}

/* The leaf that WORD, WORD=VALUE, means; NULL if it is none. *BIT is its place. */
static const char *leaf_of(const char *word, unsigned *bit)
{
    size_t length = strcspn(word, "=");
    for (*bit = 0; *bit < sizeof filter_words / sizeof filter_words[0]; ++*bit)
        if (strlen(filter_words[*bit]) == length && word[length] &&
            strncmp(word, filter_words[*bit], length) == 0)
            return filter_words[*bit];
    return NULL;
}

static bool refuse_word(const char *word, struct error *error)
{
    error_set(
        error,
        "'%s' is no filter; give address=ADDRESS[/LENGTH], port=NUMBER, protocol=NAME, "
        "application=NAME, list=NAME or cache=NAME, or an expression such as host ADDRESS and port "
        "NUMBER",
        word);
    return false;
}

/* The words that are no WORD=VALUE, together, as the leaf filter. Nothing if there are none. */
static bool write_expression(const struct verb_call *call, FILE *file, struct error *error)
{
    struct flow_expression made;
    struct error why = {""};
    char *text = NULL;
    size_t length;
    unsigned bit;
    FILE *words = client_text(&text, &length);
    for (int i = 0; i < call->count; i++)
        if (!leaf_of(call->words[i], &bit))
            fprintf(words, "%s%s", ftell(words) ? " " : "", call->words[i]);
    fclose(words);
    bool good = !length || filter_expression_read(&made, text, &why);
    if (!good && why.text[0] == '\'' && !strchr(text, ' '))
        refuse_word(text, error);
    else if (!good)
        error_set(error, "%s", why.text);
    if (good && length) {
        fputs("<filter>", file);
        client_write_escaped(file, text);
        fputs("</filter>", file);
    }
    free(text);
    return good;
}

/* The words of CALL as leaves, to be freed; NULL and ERROR if one is not known. */
static char *make_filter(const struct verb_call *call, struct error *error)
{
    char *text = NULL;
    size_t length;
    bool good = true;
    unsigned seen = 0, bit;
    FILE *file = client_text(&text, &length);
    for (int i = 0; good && i < call->count; i++) {
        const char *word = call->words[i], *leaf = leaf_of(word, &bit);
        if (leaf && seen >> bit & 1) {
            error_set(error, "%s: the second word for the same thing", word);
            good = false;
        } else if (leaf) {
            seen |= 1u << bit;
            good = write_leaf(call->client.context, file, leaf, word, error);
        }
    }
    good = good && write_expression(call, file, error);
    fclose(file);
    if (good)
        return text;
    free(text);
    return NULL;
}

static const char *show_end(const struct lyd_node *flow, const char *address, const char *port,
                            char text[80])
{
    const char *host = data_text(flow, address);
    snprintf(text, 80, strchr(host, ':') ? "[%.50s]:%s" : "%.50s:%s", host,
             data_text(flow, port)[0] ? data_text(flow, port) : "0");
    return text;
}

/* Its name, with a question mark if it is a guess. */
static const char *show_application(const struct lyd_node *flow, char text[80])
{
    bool guess = strcmp(data_text(flow, "applicationConfidence"), "port") == 0;
    snprintf(text, 80, "%.70s%s", data_text(flow, "application"), guess ? "?" : "");
    return text;
}

/* What the flow is about: the first of these that it has. */
static const char *main_name(const struct lyd_node *flow)
{
    static const char *const types[] = {"tlsServerName",   "httpRequestHost", "dnsQueryName",
                                        "sshServerBanner", "smtpGreeting",    "imapGreeting",
                                        "popGreeting"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        for (const struct lyd_node *name = data_child(flow, "name"); name; name = data_next(name))
            if (strcmp(data_text(name, "type"), types[i]) == 0)
                return data_text(name, "value");
    return "";
}

static void print_flows(const struct lyd_node *answer)
{
    struct table table;
    table_begin(&table, "protocol", "from", "to", "packets", "octets", "answers", "octets",
                "application", "name", "list", "start", NULL);
    for (const struct lyd_node *flow = data_child(answer, "flow"); flow; flow = data_next(flow)) {
        char from[80], to[80], octets[16], back[16], application[80];
        const struct protoent *known = getprotobynumber((int)data_number(flow, "protocol"));
        table_row(&table, known ? known->p_name : data_text(flow, "protocol"),
                  show_end(flow, "sourceAddress", "sourcePort", from),
                  show_end(flow, "destinationAddress", "destinationPort", to),
                  data_text(flow, "packets"), table_short(data_number(flow, "octets"), octets),
                  data_text(flow, "reversePackets"),
                  table_short(data_number(flow, "reverseOctets"), back),
                  show_application(flow, application), main_name(flow),
                  data_text(flow, "listLabel"), data_text(flow, "start"));
    }
    table_end(&table, stdout);
}

/* Puts the flows of PART behind those of *ALL, which is the first part if it is NULL. PART is used
 * up. */
static void add_part(struct lyd_node **all, struct lyd_node *part)
{
    if (!*all) {
        *all = part;
        return;
    }
    struct lyd_node *next;
    for (struct lyd_node *flow = lyd_child(part); flow; flow = next) {
        next = flow->next;
        lyd_unlink_tree(flow);
        lyd_insert_child(*all, flow);
    }
    lyd_free_all(part);
}

/* One part of the answer; *CONTINUATION becomes what the next one starts from, or NULL. */
static struct lyd_node *flows_part(struct verb_call *call, const char *filter, unsigned long limit,
                                   char **continuation, uint64_t *shown, struct error *error)
{
    char *text = NULL;
    size_t length;
    FILE *file = client_text(&text, &length);
    fprintf(file, "<flows xmlns=\"%s\">%s<limit>%lu</limit>", model, filter, limit);
    if (*continuation) {
        fputs("<continuation>", file);
        client_write_escaped(file, *continuation);
        fputs("</continuation>", file);
    }
    fputs("</flows>", file);
    fclose(file);
    struct lyd_node *answer = client_call(&call->client, text, flows_wait_ms, error);
    free(text);
    free(*continuation);
    *continuation = NULL;
    if (!answer)
        return NULL;
    for (const struct lyd_node *flow = data_child(answer, "flow"); flow; flow = data_next(flow))
        ++*shown;
    struct lyd_node *more = (struct lyd_node *)data_child(answer, "continuation");
    if (more) {
        *continuation = strdup(lyd_get_value(more));
        lyd_free_tree(more);
    }
    return answer;
}

int verb_flows(struct verb_call *call)
{
    struct error error = {""};
    const char *wanted = verb_option(call, "--limit");
    unsigned long limit = wanted ? verb_number(wanted) : FLOWS_USUAL;
    if (limit == 0)
        return verb_refuse(call, wanted);
    char *filter = make_filter(call, &error);
    char *continuation = NULL;
    if (!filter) {
        verb_fail(error.text);
        return VERB_USAGE;
    }
    uint64_t shown = 0;
    struct lyd_node *all = NULL, *part;
    do {
        unsigned long size = limit - shown < FLOWS_PART ? limit - shown : FLOWS_PART;
        part = flows_part(call, filter, size, &continuation, &shown, &error);
        if (part)
            add_part(&all, part);
    } while (part && continuation && shown < limit);
    free(filter);
    if (part && call->json)
        verb_print_json(all);
    else if (part)
        print_flows(all);
    if (part && continuation && !call->json)
        printf("there are more; give --limit\n");
    free(continuation);
    lyd_free_all(all);
    return part ? VERB_DONE : verb_fail(error.text);
}

/* ---- top ---- */

/* VALUE, a protocol or a port behind one, with the protocol's name. */
static const char *name_protocol(const char *value, char text[80])
{
    char *rest;
    long number = strtol(value, &rest, 10);
    const struct protoent *known = rest != value ? getprotobynumber((int)number) : NULL;
    snprintf(text, 80, "%.40s%.30s", known ? known->p_name : value, known ? rest : "");
    return text;
}

/* OF: what the rows are. */
static void print_top(const struct lyd_node *answer, const char *of)
{
    bool by_protocol = strcmp(of, "port") == 0 || strcmp(of, "protocol") == 0;
    struct table table;
    table_begin(&table, "rank", of, "flows", "packets", "octets", NULL);
    const struct lyd_node *entry = data_child(answer, "entry");
    for (; entry; entry = data_next(entry)) {
        char packets[16], octets[16], named[80];
        const char *value = data_text(entry, "value");
        table_row(&table, data_text(entry, "rank"),
                  by_protocol ? name_protocol(value, named) : value, data_text(entry, "flows"),
                  table_short(data_number(entry, "packets"), packets),
                  table_short(data_number(entry, "octets"), octets));
    }
    table_end(&table, stdout);
    if (data_number(answer, "others"))
        printf("%s more flows are in no row\n", data_text(answer, "others"));
}

/* Takes the first word out of CALL if it is one of NAMES, which ends with NULL. One before a number
 * begins a filter: port 53. */
static const char *take_word(struct verb_call *call, const char *const names[])
{
    bool number = call->count > 1 && call->words[1][0] >= '0' && call->words[1][0] <= '9';
    for (size_t n = 0; call->count && !number && names[n]; n++) {
        if (strcmp(call->words[0], names[n]) != 0)
            continue;
        call->words++;
        call->count--;
        return names[n];
    }
    return NULL;
}

int verb_top(struct verb_call *call)
{
    static const char *const measures[] = {"octets", "packets", NULL};
    static const char *const kinds[] = {"address", "port", "protocol", "application", NULL};
    struct error error = {""};
    const char *wanted = verb_option(call, "--limit");
    unsigned long limit = wanted ? verb_number(wanted) : 10;
    if (limit == 0)
        return verb_refuse(call, wanted);
    const char *by = take_word(call, measures), *of = take_word(call, kinds);
    if (!by) /* in any order */
        by = take_word(call, measures);
    by = by ? by : "octets";
    of = of ? of : "address";
    char *filter = make_filter(call, &error);
    if (!filter) {
        verb_fail(error.text);
        return VERB_USAGE;
    }
    char *text = NULL;
    size_t length;
    FILE *file = client_text(&text, &length);
    fprintf(file, "<top xmlns=\"%s\">%s<by>%s</by><of>%s</of><limit>%lu</limit></top>", model,
            filter, by, of, limit);
    fclose(file);
    free(filter);
    struct lyd_node *answer = client_call(&call->client, text, flows_wait_ms, &error);
    free(text);
    if (!answer)
        return verb_fail(error.text);
    if (call->json)
        verb_print_json(answer);
    else
        print_top(answer, of);
    lyd_free_all(answer);
    return VERB_DONE;
}

int verb_expire_all(struct verb_call *call)
{
    struct error error = {""};
    char text[128];
    snprintf(text, sizeof text, "<expire-all xmlns=\"%s\"/>", model);
    struct lyd_node *answer = client_call(&call->client, text, flows_wait_ms, &error);
    if (!answer)
        return verb_fail(error.text);
    if (call->json)
        verb_print_json(answer);
    else
        printf("%s records were ended and go to the destinations\n", data_text(answer, "records"));
    lyd_free_all(answer);
    return VERB_DONE;
}
