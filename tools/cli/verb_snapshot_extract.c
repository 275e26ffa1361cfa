/*
 * spanflow snapshot extract: packets of a time, a filter, a flow or a conversation into a pcapng
 * file. The probe makes the file, this program fetches it piece by piece.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "moment.h"
#include "output_file.h"
#include "snapshot_calls.h"
#include "snapshot_folder.h"
#include "snapshot_request.h"

enum { PIECE_OCTETS = 768 * 1024 };

/* ---- what is asked for ---- */

/* One end of a conversation, a protocol, as they were typed. */
struct asked {
    char from[MOMENT_TEXT_MAX], to[MOMENT_TEXT_MAX];
    const char *words[5]; /* in the order of conversation_words; NULL: not given */
    char protocol[8];
    uint64_t packets_max, octets_max, flow_id;
};
static const char *const conversation_words[5][2] = {{"address", "address"},
                                                     {"port", "port"},
                                                     {"other-address", "otherAddress"},
                                                     {"other-port", "otherPort"},
                                                     {"protocol", "protocol"}};

static bool read_word(struct asked *asked, const char *word, struct error *error)
{
    const char *value = strchr(word, '=');
    for (unsigned i = 0; value && i < 5; i++) {
        const char *name = conversation_words[i][0];
        if (strlen(name) != (size_t)(value - word) || strncmp(name, word, strlen(name)) != 0)
            continue;
        if (asked->words[i]) {
            error_set(error, "%s: the second word for the same thing", word);
            return false;
        }
        asked->words[i] = value + 1;
        return true;
    }
    error_set(error,
              "'%.64s' is none of address=, port=, other-address=, other-port= and protocol=; a "
              "filter of other kinds stands behind --filter",
              word);
    return false;
}

static void name_protocol(struct asked *asked)
{
    const struct protoent *found = asked->words[4] ? getprotobyname(asked->words[4]) : NULL;
    if (!found)
        return;
    snprintf(asked->protocol, sizeof asked->protocol, "%d", found->p_proto);
    asked->words[4] = asked->protocol;
}

/* Reads the words and options of CALL. VERB_DONE, or the exit code after a line. */
static int read_call(const struct verb_call *call, struct asked *asked)
{
    struct error error = {""};
    *asked = (struct asked){.packets_max = 0};
    if (!verb_option(call, "--reason") || !verb_option(call, "--reason")[0])
        return verb_lacks(call, "--reason TEXT");
    if (!verb_option(call, "-o"))
        return verb_lacks(call, "-o FILE");
    if (!snapshot_number_option(call, "--packets", &asked->packets_max) ||
        !snapshot_number_option(call, "--octets", &asked->octets_max) ||
        !snapshot_number_option(call, "--flow", &asked->flow_id))
        return VERB_USAGE;
    if (verb_option(call, "--flow") && !asked->flow_id)
        return verb_lacks(call, "--flow with the number of a flow; 0 is none");
    if (verb_option(call, "--packets") && !asked->packets_max)
        return verb_lacks(call, "--packets of 1 or more");
    if (verb_option(call, "--octets") && !asked->octets_max)
        return verb_lacks(call, "--octets of 1 or more");
    bool good = snapshot_window_options(call, asked->from, asked->to, &error);
    for (int i = 0; good && i < call->count; i++)
        good = read_word(asked, call->words[i], &error);
    name_protocol(asked);
    if (good)
        return VERB_DONE;
    verb_fail(error.text);
    return VERB_USAGE;
}

/* ---- from a probe ---- */

static void write_conversation(FILE *file, const struct asked *asked)
{
    bool any = false;
    for (unsigned i = 0; i < 5; i++)
        any = any || asked->words[i];
    if (!any)
        return;
    fputs("<conversation>", file);
    for (unsigned i = 0; i < 5; i++) {
        if (!asked->words[i])
            continue;
        fprintf(file, "<%s>", conversation_words[i][1]);
        client_write_escaped(file, asked->words[i]);
        fprintf(file, "</%s>", conversation_words[i][1]);
    }
    fputs("</conversation>", file);
}

/* Starts the job; its number, to be freed, or NULL and ERROR. */
static char *start(struct verb_call *call, const struct asked *asked, struct error *error)
{
    struct snapshot_text text;
    char packets[24], octets[24];
    snprintf(packets, sizeof packets, "%llu", (unsigned long long)asked->packets_max);
    snprintf(octets, sizeof octets, "%llu", (unsigned long long)asked->octets_max);
    snapshot_text_begin(&text, "extract");
    snapshot_text_leaf(&text, "from", asked->from[0] ? asked->from : NULL);
    snapshot_text_leaf(&text, "to", asked->to[0] ? asked->to : NULL);
    snapshot_text_leaf(&text, "filter", verb_option(call, "--filter"));
    snapshot_text_leaf(&text, "flowId", verb_option(call, "--flow"));
    write_conversation(text.file, asked);
    snapshot_text_leaf(&text, "reason", verb_option(call, "--reason"));
    snapshot_text_leaf(&text, "packetsMax", packets);
    snapshot_text_leaf(&text, "octetsMax", octets);
    snapshot_text_leaf(&text, "anonymise", verb_option(call, "--anonymise") ? "true" : NULL);
    struct lyd_node *answer = snapshot_text_call(&text, "extract", call, error);
    char *job = answer ? strdup(data_text(answer, "job")) : NULL;
    lyd_free_all(answer);
    return job;
}

static int letter_value(char letter)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = letter ? strchr(letters, letter) : NULL;
    return found ? (int)(found - letters) : -1;
}

/* Octets of the base64 TEXT into DATA, which has room for 3/4 of its length. Returns how many. */
static size_t decode(const char *text, unsigned char *data)
{
    uint32_t word = 0;
    unsigned bits = 0;
    size_t count = 0;
    for (; *text && *text != '='; text++) {
        int value = letter_value(*text);
        if (value < 0)
            continue;
        word = word << 6 | (uint32_t)value;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            data[count++] = (unsigned char)(word >> bits);
        }
    }
    return count;
}

/* The next piece of JOB from OFFSET into DATA; false and ERROR. *OCTETS 0 is the end. */
static bool read_piece(struct verb_call *call, const char *job, uint64_t offset,
                       unsigned char *data, size_t *octets, struct error *error)
{
    struct snapshot_text text;
    char number[24], size[24];
    snprintf(number, sizeof number, "%llu", (unsigned long long)offset);
    snprintf(size, sizeof size, "%d", PIECE_OCTETS);
    snapshot_text_begin(&text, "read");
    snapshot_text_leaf(&text, "job", job);
    snapshot_text_leaf(&text, "offset", number);
    snapshot_text_leaf(&text, "size", size);
    struct lyd_node *answer = snapshot_text_call(&text, "read", call, error);
    const char *piece = data_text(answer, "data");
    bool fits = answer && strlen(piece) <= (size_t)PIECE_OCTETS * 4 / 3 + 4;
    *octets = fits ? decode(piece, data) : 0;
    if (answer && !fits)
        error_set(error, "the probe gave more than was asked for");
    lyd_free_all(answer);
    return fits;
}

/* Fetches SIZE octets of JOB into OUTPUT. */
static bool fetch(struct verb_call *call, const char *job, uint64_t size,
                  struct output_file *output, struct error *error)
{
    unsigned char *data = malloc(PIECE_OCTETS + 4);
    uint64_t fetched = 0;
    size_t octets = 0;
    bool good = data != NULL;
    if (!good)
        error_set(error, "no memory");
    while (good && fetched < size) {
        good = read_piece(call, job, fetched, data, &octets, error) &&
               output_file_write(output, data, octets, error);
        fetched += octets;
        snapshot_show_progress("fetching", (unsigned)(fetched * 100 / size), fetched);
        if (good && (octets == 0 || snapshot_interrupted)) {
            error_set(error, octets ? "interrupted; the job's result is deleted"
                                    : "the result ended before its end");
            good = false;
        }
    }
    snapshot_end_progress();
    free(data);
    return good;
}

static struct extract_outcome outcome_of(const struct lyd_node *job, const char *file,
                                         const char *sha256)
{
    return (struct extract_outcome){.file = file,
                                    .limited = strcmp(data_text(job, "state"), "limited") == 0,
                                    .packets = data_number(job, "packets"),
                                    .octets = data_number(job, "octets"),
                                    .blocks = data_number(job, "blocks"),
                                    .skipped = data_number(job, "blocksSkipped"),
                                    .damaged = data_number(job, "blocksDamaged"),
                                    .segments_damaged = data_number(job, "segmentsDamaged"),
                                    .gone = data_number(job, "blocksGone"),
                                    .cut = data_number(job, "packetsCut"),
                                    .sha256 = sha256,
                                    .text = data_text(job, "text")};
}

/* Waits for JOB and fetches its result into OUTPUT, which is there under the name FILE then. The
 * exit status; if that is VERB_FAILED, ERROR. */
static int take(struct verb_call *call, const char *job, struct output_file *output,
                const char *file, struct error *error)
{
    char sha256[65];
    int status = VERB_FAILED;
    struct lyd_node *answer = snapshot_wait(call, job, error);
    if (!answer)
        return status;
    const char *state = data_text(answer, "state");
    bool good = strcmp(state, "complete") == 0 || strcmp(state, "limited") == 0;
    if (!good)
        error_set(error, "the job is %s%s%s", state, data_text(answer, "text")[0] ? ": " : "",
                  data_text(answer, "text"));
    good = good && fetch(call, job, data_number(answer, "octets"), output, error) &&
           output_file_complete(output, data_text(answer, "sha256"), sha256, error);
    if (good) {
        struct extract_outcome outcome = outcome_of(answer, file, sha256);
        status = snapshot_print_outcome(call, &outcome);
    }
    lyd_free_all(answer);
    return status;
}

static int extract_from_probe(struct verb_call *call, const struct asked *asked)
{
    struct error error = {""};
    struct output_file output;
    const char *file = verb_option(call, "-o");
    if (!output_file_begin(&output, file, &error))
        return verb_fail(error.text);
    snapshot_catch_interrupts();
    char *job = verb_prepare(call, &error) ? start(call, asked, &error) : NULL;
    int status = job ? take(call, job, &output, file, &error) : VERB_FAILED;
    /* What was fetched, or cannot be, has no reason to stay at the probe. */
    if (job)
        snapshot_cancel(call, job);
    output_file_end(&output);
    free(job);
    return status == VERB_FAILED ? verb_fail(error.text) : status;
}

/* ---- from a folder ---- */

static bool read_end(const struct asked *asked, unsigned end, struct snapshot_tuple *tuple,
                     struct error *error)
{
    const char *address = asked->words[end ? 2 : 0], *port = asked->words[end ? 3 : 1];
    char *rest = "";
    if (address) {
        uint8_t family = strchr(address, ':') ? 6 : 4;
        if ((tuple->family && tuple->family != family) ||
            inet_pton(family == 6 ? AF_INET6 : AF_INET, address, tuple->address[end]) != 1) {
            error_set(error, "%.64s: no address, or not of the other one's family", address);
            return false;
        }
        tuple->family = family;
        tuple->with_address[end] = true;
    }
    unsigned long number = port ? strtoul(port, &rest, 10) : 0;
    tuple->port[end] = (uint16_t)number;
    if (port && (*rest || number == 0 || number > UINT16_MAX))
        error_set(error, "%.64s: no port; give a number from 1 to 65535", port);
    return !port || (!*rest && number > 0 && number <= UINT16_MAX);
}

static bool read_tuple(const struct asked *asked, struct snapshot_tuple *tuple, struct error *error)
{
    char *rest = "";
    unsigned long protocol = asked->words[4] ? strtoul(asked->words[4], &rest, 10) : 0;
    *tuple = (struct snapshot_tuple){.protocol = (uint8_t)protocol};
    if (*rest || protocol > UINT8_MAX) {
        error_set(error, "%.64s: no protocol", asked->words[4]);
        return false;
    }
    return read_end(asked, 0, tuple, error) && read_end(asked, 1, tuple, error);
}

static int extract_from_folder(const struct verb_call *call, const char *folder,
                               const struct asked *asked)
{
    struct error error = {""};
    struct snapshot_tuple tuple;
    struct snapshot_question question = {.filter = verb_option(call, "--filter"),
                                         .flow_id = asked->flow_id};
    if (!read_tuple(asked, &tuple, &error)) {
        verb_fail(error.text);
        return VERB_USAGE;
    }
    for (unsigned i = 0; i < 5; i++)
        if (asked->words[i])
            question.tuple = &tuple;
    if ((asked->from[0] && !snapshot_time_read(asked->from, &question.from_ns)) ||
        (asked->to[0] && !snapshot_time_read(asked->to, &question.to_ns)))
        return verb_fail("the times cannot be read");
    snapshot_catch_interrupts();
    return snapshot_folder_extract(call, folder, &question);
}

int verb_snapshot_extract(struct verb_call *call)
{
    struct asked asked;
    const char *folder = verb_option(call, "--directory");
    int code = read_call(call, &asked);
    if (code != VERB_DONE)
        return code;
    if (folder)
        return extract_from_folder(call, folder, &asked);
    return extract_from_probe(call, &asked);
}
