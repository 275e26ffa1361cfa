/*
 * The table of verbs, and the help text that is made of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arguments.h"

#define FILTER_WORDS                                                                               \
    "address= port= protocol= application= list= cache= host net portrange src dst not and or "    \
    "tcp udp icmp ip ip6 proto"
static const char filter_words[] = FILTER_WORDS " port";
static const char top_words[] = "octets packets address port protocol application " FILTER_WORDS;

static const struct verb_option flows_options[] = {
    {"--limit", "NUMBER", "the most flows that are shown, 100 if it is not said"}, {0}};
static const struct verb_option top_options[] = {
    {"--limit", "NUMBER", "how many are shown, 10 if it is not said"}, {0}};
static const struct verb_option get_options[] = {
    {"--candidate", NULL, "what is being edited, not what runs"},
    {"--expanded", NULL, "with the entries that source and collector stand for"},
    {"--defaults", NULL, "with the values of leaves that are not set"},
    {0}};
static const struct verb_option edit_options[] = {
    {"--delete", NULL, "removes what PATH (and VALUE, of a leaf-list) names"},
    {"--file", "FILE", "merges a file in JSON or XML instead; - is the standard input"},
    {"--replace", NULL, "with --file: in the place of what is below the same top node"},
    {0}};
static const struct verb_option commit_options[] = {
    {"--confirmed", "[=SECONDS]",
     "for this time only (600 s if it is not said), unless config confirm comes"},
    {"--persist", "WORD", "with --confirmed: config confirm and cancel must give it"},
    {"--comment", "TEXT", "is kept in the history"},
    {0}};
static const struct verb_option confirm_options[] = {
    {"--persist", "WORD", "the word of config commit --persist"},
    {"--comment", "TEXT", "is kept in the history"},
    {0}};
static const struct verb_option cancel_options[] = {
    {"--persist", "WORD", "the word of config commit --persist"}, {0}};
static const struct verb_option doctor_options[] = {
    {"--store", "FOLDER", "the probe's store if none answers; else /var/lib/spanflow"}, {0}};

static const char conversation_words[] = "address= port= other-address= other-port= protocol=";
static const struct verb_option snapshot_list_options[] = {
    {"--directory", "FOLDER", "a copy of the ring's folder, without a probe"}, {0}};
static const struct verb_option snapshot_extract_options[] = {
    {"-o", "FILE", "the pcapng file to write; it must not be there"},
    {"--reason", "TEXT", "why; it is logged, and the file carries it"},
    {"--from", "TIME",
     "2026-03-01T12:00:00Z, '2026-03-01 12:00' of this machine, -90s, -10m, -2h, "
     "-3d"},
    {"--to", "TIME", "the same; else up to now"},
    {"--filter", "EXPRESSION", "see pcap-filter(7)"},
    {"--flow", "NUMBER", "packets of the flow whose records carry this flowId"},
    {"--packets", "NUMBER", "ends behind so many"},
    {"--octets", "NUMBER", "the file is not larger"},
    {"--anonymise", NULL, "other addresses in the place of the true ones, and no payload"},
    {"--directory", "FOLDER", "of a copy of the ring's folder, without a probe"},
    {0}};
static const struct verb_option snapshot_freeze_options[] = {
    {"--from", "TIME", "the begin of the window, as for snapshot extract"},
    {"--to", "TIME", "its end"},
    {"--days", "NUMBER", "it ends by itself after so many, 30 if it is not said"},
    {"--reason", "TEXT", "why; it is logged"},
    {0}};
static const struct verb_option snapshot_release_options[] = {
    {"--reason", "TEXT", "why; it is logged"}, {0}};
static const struct verb_option snapshot_verify_options[] = {
    {"--reason", "TEXT", "why; it is logged"},
    {"--directory", "FOLDER", "a copy of the ring's folder, without a probe"},
    {"--key", "FILE", "with --directory: the public key to trust, else ring.pub of the folder"},
    {0}};

static const struct verb_option alerts_options[] = {
    {"--limit", "NUMBER", "the most that are shown, 100 if it is not said"},
    {"--severity", "WORD", "only those so grave at least: info, low, medium, high, critical"},
    {0}};

static const struct verb_option replay_options[] = {
    {"--from", "TIME", "records exported since then; as for snapshot extract"},
    {"--to", "TIME", "and until then; else up to now"},
    {"--destination", "NAME", "the collector, by its name in the configuration"},
    {"--domain", "NUMBER", "the observation domain; else that of the destination plus 1000000"},
    {"--rate", "NUMBER", "records in a second over UDP, 50000 if it is not said; 0 = any"},
    {"--reason", "TEXT", "why; it is logged"},
    {0}};

const struct verb verb_table[] = {
    {"status", "", "how the probe is: sources, flows, destinations, the account", false, 0, 0,
     verb_status, NULL, ""},
    {"flows", "[WORD=VALUE ...] [FILTER]", "flows that the caches hold now", false, 0,
     VERB_WORDS_MAX, verb_flows, flows_options, filter_words},
    {"top", "[octets|packets] [address|port|protocol|application] [WORD=VALUE ...] [FILTER]",
     "the largest of them", false, 0, VERB_WORDS_MAX, verb_top, top_options, top_words},
    {"ledger", "", "the account of every packet and record, at one moment", false, 0, 0,
     verb_ledger, NULL, ""},
    {"expire-all", "", "ends and exports all flows now", false, 0, 0, verb_expire_all, NULL, ""},
    {"alerts", "", "flows that rules and lists found to be grave", false, 0, 0, verb_alerts,
     alerts_options, ""},
    {"applications", "[reload]",
     "the rules for applications, with their hits; reload reads their files again", false, 0, 1,
     verb_applications, NULL, "reload"},
    {"lists", "[reload]",
     "the lists that flows are compared with, and their hits; reload reads their files again",
     false, 0, 1, verb_lists, NULL, "reload"},
    {"config get", "[PATH]", "the configuration, or a part of it", false, 0, 1, verb_config_get,
     get_options, ""},
    {"config edit", "PATH [VALUE]", "changes the candidate; config commit makes it run", false, 0,
     2, verb_config_edit, edit_options, ""},
    {"config diff", "", "what config commit would change", false, 0, 0, verb_config_diff, NULL, ""},
    {"config validate", "", "checks the candidate", false, 0, 0, verb_config_validate, NULL, ""},
    {"config commit", "", "makes the candidate the running configuration", false, 0, 0,
     verb_config_commit, commit_options, ""},
    {"config confirm", "", "keeps what config commit --confirmed made", false, 0, 0,
     verb_config_confirm, confirm_options, ""},
    {"config cancel", "", "takes it back at once", false, 0, 0, verb_config_cancel, cancel_options,
     ""},
    {"config discard", "", "makes the candidate like the running configuration", false, 0, 0,
     verb_config_discard, NULL, ""},
    {"config history", "", "the configurations of the past, who made them and when", false, 0, 0,
     verb_config_history, NULL, ""},
    {"config rollback", "[VERSION]", "makes an earlier one run; else the one before", false, 0, 1,
     verb_config_rollback, NULL, ""},
    {"snapshot list", "", "which packets the ring holds, what is frozen, which jobs there are",
     true, 0, 0, verb_snapshot_list, snapshot_list_options, ""},
    {"snapshot extract", "[WORD=VALUE ...]", "packets into a pcapng file, for a reason", true, 0,
     VERB_WORDS_MAX, verb_snapshot_extract, snapshot_extract_options, conversation_words},
    {"snapshot freeze", "NAME", "keeps a window of time from being overwritten", false, 1, 1,
     verb_snapshot_freeze, snapshot_freeze_options, ""},
    {"snapshot release", "NAME", "ends that", false, 1, 1, verb_snapshot_release,
     snapshot_release_options, ""},
    {"snapshot verify", "", "whether what is held is what was written", true, 0, 0,
     verb_snapshot_verify, snapshot_verify_options, ""},
    {"replay", "", "flow records of the history once more to a collector that was away", true, 0, 0,
     verb_replay, replay_options, ""},
    {"doctor", "", "looks for what stands in the probe's way on this machine", true, 0, 0,
     verb_doctor, doctor_options, ""},
    {"help", "[VERB]", "this text, or more on a verb", true, 0, 2, verb_help, NULL, ""},
    {0},
};

int verb_fail(const char *text)
{
    fprintf(stderr, "spanflow: %s\n", text);
    return VERB_FAILED;
}

int verb_refuse(const struct verb_call *call, const char *word)
{
    fprintf(stderr, "spanflow: %s does not know '%s'; see spanflow %s --help\n", call->verb->name,
            word, call->verb->name);
    return VERB_USAGE;
}

unsigned long verb_number(const char *word)
{
    char *end;
    unsigned long number = strtoul(word, &end, 10);
    return *end || word[0] == '-' ? 0 : number;
}

int verb_lacks(const struct verb_call *call, const char *what)
{
    fprintf(stderr, "spanflow: %s needs %s; see spanflow %s --help\n", call->verb->name, what,
            call->verb->name);
    return VERB_USAGE;
}

const char *verb_option(const struct verb_call *call, const char *name)
{
    const struct verb_option *option = arguments_option(call->verb->options, name, strlen(name));
    return option ? call->values[option - call->verb->options] : NULL;
}

void verb_print_json(const struct lyd_node *tree)
{
    char *text = NULL;
    lyd_print_mem(&text, tree, LYD_JSON, LYD_PRINT_WITHSIBLINGS);
    fputs(text && text[0] ? text : "{}\n", stdout);
    free(text);
}

int verb_say(const struct verb_call *call, const char *text)
{
    puts(call->json ? "{}" : text);
    return VERB_DONE;
}

/* ---- help ---- */

static void print_options(const struct verb_option *options)
{
    for (; options && options->name; options++) {
        char head[64];
        bool apart = options->value && options->value[0] != '[';
        snprintf(head, sizeof head, "%s%s%s", options->name, apart ? " " : "",
                 options->value ? options->value : "");
        printf("  %-24s %s\n", head, options->help);
    }
}

static void print_verb(const struct verb *verb)
{
    printf("usage: spanflow %s%s%s%s\n%s\n", verb->name, verb->options ? " [OPTION ...]" : "",
           verb->arguments[0] ? " " : "", verb->arguments, verb->help);
    if (verb->words == conversation_words)
        puts("\nOnly packets between two ends, in either direction:\n"
             "  address=ADDRESS port=NUMBER other-address=ADDRESS other-port=NUMBER protocol=NAME");
    else if (strstr(verb->words, "address="))
        puts(
            "\nOnly flows for which all words hold:\n"
            "  address=ADDRESS[/LENGTH] port=NUMBER protocol=NAME application=NAME list=NAME\n"
            "in the first cache, or in that of cache=NAME. FILTER is an expression in the words of "
            "tcpdump\nabout addresses, ports and protocols (quote brackets for the shell):\n"
            "  host 192.0.2.1 and not port 53    src net 10.0.0.0/8 or tcp portrange 1-1023");
    if (strncmp(verb->name, "config ", 7) == 0 && strstr(verb->arguments, "PATH"))
        puts("\nPATH is names with slashes between, the key of an entry behind the name of its "
             "list:\n  cache/default/activeTimeout");
    putchar('\n');
    print_options(verb->options);
    print_options(common_options);
}

/* Whether VERB is what the words of CALL name, as a whole or by the first word alone. */
static bool is_named(const struct verb *verb, const struct verb_call *call)
{
    char both[96];
    size_t length = strlen(call->words[0]);
    snprintf(both, sizeof both, "%.40s%s%.40s", call->words[0], call->count > 1 ? " " : "",
             call->count > 1 ? call->words[1] : "");
    return strcmp(verb->name, both) == 0 ||
           (call->count == 1 && strncmp(verb->name, both, length) == 0 &&
            verb->name[length] == ' ');
}

static void print_all(const struct verb_call *call)
{
    puts("usage: spanflow [--control PATH] [--json] VERB [ARGUMENT ...]\n");
    for (const struct verb *verb = verb_table; verb->name; verb++) {
        char head[48];
        snprintf(head, sizeof head, "%s %s", verb->name, verb->arguments);
        if (call->count && !is_named(verb, call))
            continue;
        if (strlen(head) > 32)
            snprintf(head, sizeof head, "%s ...", verb->name);
        printf("  %-32s %s\n", head, verb->help);
    }
    putchar('\n');
    print_options(common_options);
}

int verb_help(struct verb_call *call)
{
    if (call->verb && call->verb->run != verb_help) {
        print_verb(call->verb);
        return VERB_DONE;
    }
    unsigned found = 0;
    const struct verb *only = NULL;
    for (const struct verb *verb = verb_table; call->count && verb->name; verb++) {
        if (!is_named(verb, call))
            continue;
        only = verb;
        found++;
    }
    if (call->count && !found && call->verb) {
        char both[96];
        snprintf(both, sizeof both, "%.40s%s%.40s", call->words[0], call->count > 1 ? " " : "",
                 call->count > 1 ? call->words[1] : "");
        return verb_refuse(call, both);
    }
    if (!found)
        call->count = 0;
    if (found == 1)
        print_verb(only);
    else
        print_all(call);
    return VERB_DONE;
}
