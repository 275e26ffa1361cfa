/*
 * What an exporting process does at the moment, for people, and whether the files that a
 * configuration names are good. See exporting_process_change.h.
 */
#include <string.h>

#include "destination_encode.h"
#include "exporting_process_internal.h"
#include "transport/tls.h"

static const uint64_t second_ns = 1000000000u;

/* DESCRIBED has all but the fields. */
static void add_template(struct destination_description *to,
                         const struct template_description *described, const uint16_t *fields)
{
    struct template_description *template = &to->templates[to->template_count++];
    uint16_t field_count = described->field_count;
    *template = *described;
    memcpy(template->fields, fields, field_count * sizeof fields[0]);
}

static void add_options(struct destination_description *to, unsigned kind,
                        const struct options_template *from)
{
    if (from->id)
        add_template(to,
                     &(struct template_description){.id = from->id,
                                                    .kind = (uint16_t)kind,
                                                    .octets = from->octets,
                                                    .field_count = from->field_count,
                                                    .scope_count = from->scope_count},
                     from->fields);
}

static void describe_templates(const struct destination *d, struct destination_description *to)
{
    const struct exporting_process_config *process = d->process;
    bool json = destination_is_json(d->config), session = d->transport.ops->step != NULL;
    bool plain = json || d->config->version == 5; /* without templates */
    for (unsigned kind = 0; kind < TEMPLATE_KINDS; kind++) {
        const struct template *template = &d->templates.kinds[kind];
        if (template->id)
            add_template(
                to,
                &(struct template_description){.id = plain ? 0 : template->id,
                                               .kind = (uint16_t)kind,
                                               .octets = json ? 0 : template->octets,
                                               .field_count = (uint16_t) template->field_count},
                template->fields);
    }
    for (unsigned kind = 0; kind < OPTIONS_KINDS; kind++)
        add_options(to, DESCRIBED_OPTIONS + kind, &d->options.kinds[kind]);
    add_options(to, DESCRIBED_WINDOW, &d->file.window);
    add_options(to, DESCRIBED_CHECKSUM, &d->file.checksum);
    to->templates_sent_ns = d->refreshed && !plain ? d->refreshed_ns : 0;
    to->refresh_due_ns = to->refresh_messages = UINT64_MAX;
    if (plain || !destination_repeats(d) || (session && !d->kafka.partitioned && !d->session))
        return;
    if (process->template_refresh_s)
        to->refresh_due_ns = d->refreshed_ns + process->template_refresh_s * second_ns;
    if (process->template_refresh_messages)
        to->refresh_messages = process->template_refresh_messages > d->messages_since_refresh
                                   ? process->template_refresh_messages - d->messages_since_refresh
                                   : 0;
}

static bool is_away(const struct exporting_process *process, const struct destination *d)
{
    for (uint32_t g = 0; g < process->group_count; g++)
        if (delivery_group_is_away(&process->groups[g], d))
            return true;
    return false;
}

static void describe(const struct exporting_process *process, const struct destination *d,
                     struct destination_description *to)
{
    memset(to, 0, sizeof *to);
    to->name = process->counters.place[d->row].name;
    to->row = d->row;
    to->leaving = d->leaving;
    to->version = destination_is_json(d->config) ? 0 : d->config->version;
    to->domain = d->config->domain;
    to->sequence = d->kafka.partitioned ? d->kafka.sequences[0] : d->builder.sequence;
    if (d->transport.ops->step && !d->kafka.partitioned)
        to->sequence = d->session_sequence;
    if (d->transport.ops->report)
        d->transport.ops->report(d->transport.state, &to->connection);
    to->away = is_away(process, d);
    to->session_since_ns = d->session_ns;
    to->records_per_s = d->records_per_s;
    to->octets_per_s = d->octets_per_s;
    uint32_t used = d->queue.slot_count - d->queue.free_count;
    to->queue_octets = (uint64_t)used * d->queue.slot_octets;
    to->queue_octets_max = (uint64_t)message_queue_bound(&d->queue) * d->queue.slot_octets;
    describe_templates(d, to);
}

void exporting_process_describe(const struct exporting_process *process,
                                struct exporting_process_description *room)
{
    room->monotonic_ns = process->monotonic_ns;
    room->destination_count = 0;
    for (uint32_t i = 0; i < process->current_count; i++)
        describe(process, process->current[i], &room->destinations[room->destination_count++]);
    for (uint32_t i = 0; i < process->leaving_count; i++)
        describe(process, process->leaving[i], &room->destinations[room->destination_count++]);
}

void exporting_process_ask_description(struct exporting_process *process,
                                       struct exporting_process_description *room)
{
    atomic_store_explicit(&process->described, room, memory_order_release);
}

bool exporting_process_has_described(const struct exporting_process *process)
{
    return atomic_load_explicit(&process->described, memory_order_acquire) == NULL;
}

void exporting_process_answer_description(struct exporting_process *process)
{
    struct exporting_process_description *room =
        atomic_load_explicit(&process->described, memory_order_acquire);
    if (!room)
        return;
    exporting_process_describe(process, room);
    atomic_store_explicit(&process->described, NULL, memory_order_release);
}

/* ---- files ---- */

static bool check_key(const struct destination_config *config, struct error *error)
{
    uint8_t key[CRYPTO_PAN_KEY_OCTETS];
    struct error problem = {""};
    if (!config->anonymisation_key[0])
        return true;
    bool good = crypto_pan_read_key(config->anonymisation_key, key, &problem) == 0;
    explicit_bzero(key, sizeof key);
    if (!good)
        error_set(error, "%.200s: anonymise: %s", config->name, problem.text);
    return good;
}

static bool check_tls(const struct destination_config *config, struct error *error)
{
    bool kafka = config->kind == DESTINATION_KAFKA && config->encrypted;
    if (!destination_is_secure(config->kind) && !kafka)
        return true;
    struct tls_context *context = tls_context_create(config, error);
    tls_context_destroy(context);
    return context != NULL;
}

bool exporting_process_check_files(const struct exporting_process_config *config,
                                   struct error *error)
{
    for (uint32_t i = 0; i < config->destination_count; i++)
        if (!check_key(&config->destinations[i], error) ||
            !check_tls(&config->destinations[i], error))
            return false;
    return true;
}
