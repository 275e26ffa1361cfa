/*
 * Which settings of a destination go together. Every refusal is one line that names the
 * destination, the word and what to do. Called when a configuration is checked and when a
 * destination is made; any thread.
 */
#include "encode/message.h"
#include "template/template.h"

static const char *const profile_names[PROFILE_COUNT] = {
    [PROFILE_PLAIN] = "plain",           [PROFILE_NFDUMP] = "nfdump", [PROFILE_SILK] = "silk",
    [PROFILE_FLUENTD_V9] = "fluentd-v9", [PROFILE_V5] = "v5",         [PROFILE_FULL] = "full",
    [PROFILE_ELEMENTS] = "elements"};

/* The version that PROFILE is bound to; 0: 9 and 10. */
static unsigned profile_version(enum export_profile profile)
{
    switch (profile) {
    case PROFILE_SILK:
    case PROFILE_FULL:
        return 10;
    case PROFILE_FLUENTD_V9:
        return 9;
    case PROFILE_V5:
        return 5;
    default:
        return 0;
    }
}

static bool check_version(const struct destination_config *d, struct error *error)
{
    if ((unsigned)d->profile >= PROFILE_COUNT) {
        error_set(error, "%s: this profile is not in this build", d->name);
        return false;
    }
    unsigned bound = profile_version(d->profile);
    if (d->kind != DESTINATION_UDP && bound && bound != 10) {
        error_set(error, "%s: profile=%s is a form of messages over UDP: use another profile",
                  d->name, profile_names[d->profile]);
        return false;
    }
    if (destination_is_json(d))
        return true;
    if (d->version != 5 && d->version != 9 && d->version != 10) {
        error_set(error, "%s: version=%u is not known: use version=5, version=9 or version=10",
                  d->name, d->version);
        return false;
    }
    if (d->kind != DESTINATION_UDP && d->version != 10) {
        error_set(error, "%s: only udp:// carries NetFlow: use version=10", d->name);
        return false;
    }
    if (bound && d->version != bound) {
        error_set(error, "%s: profile=%s needs version=%u", d->name, profile_names[d->profile],
                  bound);
        return false;
    }
    if (d->version == 5 && d->profile != PROFILE_V5) {
        error_set(error, "%s: NetFlow v5 has one layout: version=5 goes with profile=v5 only",
                  d->name);
        return false;
    }
    return true;
}

static bool check_old_versions(const struct destination_config *d, struct error *error)
{
    if (destination_is_json(d) || d->version == 10)
        return true;
    if (d->time_unit != TIME_MILLISECONDS) {
        error_set(error, "%s: NetFlow v%u has milliseconds only: use time=ms or version=10",
                  d->name, d->version);
        return false;
    }
    if (d->biflow && d->profile != PROFILE_NFDUMP) {
        error_set(error,
                  "%s: biflow=yes over NetFlow v%u needs version=9 and profile=nfdump, or use "
                  "version=10",
                  d->name, d->version);
        return false;
    }
    if (d->version == 5 && d->domain > UINT16_MAX) {
        error_set(error,
                  "%s: domain=%u does not fit engine type and engine id of NetFlow v5: use 1 to "
                  "65535",
                  d->name, d->domain);
        return false;
    }
    return true;
}

/* How an element of the destination's own list cannot be told; NULL if it can. */
static const char *element_problem(const struct destination_config *d, enum element element)
{
    const struct element_info *info = &element_table[element];
    bool json = destination_is_json(d);
    if (!json && d->version == 9 && info->v9_type == 0)
        return "cannot be told in NetFlow v9: use version=10 or leave it out";
    if (info->group == VALUES_UPTIME && (json || d->version != 9))
        return "is for NetFlow v9: use flowStartMilliseconds and flowEndMilliseconds";
    if (info->type == TYPE_MAC && d->anonymisation_key[0])
        return "names a device: leave it out where addresses are anonymised";
    if (element_is_reverse(element) && !d->biflow)
        return "tells of the answer: use biflow=yes or leave it out";
    return NULL;
}

static enum time_unit element_time_unit(const struct element_info *info)
{
    return info->units == UNITS_NANOSECONDS    ? TIME_NANOSECONDS
           : info->units == UNITS_MICROSECONDS ? TIME_MICROSECONDS
                                               : TIME_MILLISECONDS;
}

static bool has_element(const struct destination_config *d, enum element element)
{
    for (uint32_t i = 0; i < d->element_count; i++)
        if (d->elements[i] == element)
            return true;
    return false;
}

/* Whether records of both families have a Directional Key Field: without one nobody can tell whose
 * the forward counts are, and reverse elements are illegal (RFC 5103 section 4). */
static bool tells_ends_apart(const struct destination_config *d)
{
    bool port = has_element(d, ELEMENT_SOURCE_TRANSPORT_PORT) ||
                has_element(d, ELEMENT_DESTINATION_TRANSPORT_PORT);
    bool ipv4 = has_element(d, ELEMENT_SOURCE_IPV4_ADDRESS) ||
                has_element(d, ELEMENT_DESTINATION_IPV4_ADDRESS);
    bool ipv6 = has_element(d, ELEMENT_SOURCE_IPV6_ADDRESS) ||
                has_element(d, ELEMENT_DESTINATION_IPV6_ADDRESS);
    return port || (ipv4 && ipv6);
}

static bool check_elements(const struct destination_config *d, struct error *error)
{
    bool reverse = false;
    if (d->element_count == 0) {
        error_set(error, "%s: elements= is empty: name at least one", d->name);
        return false;
    }
    for (uint32_t i = 0; i < d->element_count; i++) {
        enum element element = d->elements[i];
        const struct element_info *info = &element_table[element];
        const char *problem = element_problem(d, element);
        reverse |= element_is_reverse(element);
        for (uint32_t j = 0; j < i; j++)
            if (d->elements[j] == element)
                problem = "is named twice: name it once";
        if (info->type == TYPE_TIME && element_time_unit(info) != d->time_unit)
            problem = "is not of the destination's time unit: use time=, and one unit for all";
        if (problem) {
            error_set(error, "%s: elements=: %s %s", d->name, info->name, problem);
            return false;
        }
    }
    if (d->biflow && !reverse) {
        error_set(error,
                  "%s: biflow=yes needs reverse elements in elements=, such as "
                  "reverseOctetDeltaCount",
                  d->name);
        return false;
    }
    if (d->biflow && !tells_ends_apart(d)) {
        error_set(error,
                  "%s: biflow=yes needs in elements= what tells the two ends apart: a port, or "
                  "addresses of IPv4 and of IPv6",
                  d->name);
        return false;
    }
    return true;
}

bool destination_config_check(const struct destination_config *d, struct error *error)
{
    if (!check_version(d, error) || !check_old_versions(d, error))
        return false;
    if (d->profile == PROFILE_SILK && d->time_unit != TIME_MILLISECONDS) {
        error_set(error, "%s: SiLK reads times in milliseconds only: use time=ms", d->name);
        return false;
    }
    if (d->profile == PROFILE_ELEMENTS && !check_elements(d, error))
        return false;
    if (!destination_is_datagram(d->kind))
        return true;
    if (d->mtu < 512 || d->mtu > 65535) {
        error_set(error, "%s: mtu=%u is out of range: use 512 to 65535", d->name, d->mtu);
        return false;
    }
    return true;
}

bool destination_sampling_check(const struct destination_config *d, uint32_t interval,
                                struct error *error)
{
    if (destination_is_json(d) || d->version != 5 || d->scale || interval <= NETFLOW5_SAMPLING_MAX)
        return true;
    error_set(error, "%s: NetFlow v5 cannot announce 1/%u: use scale=yes, or 1/%d at most", d->name,
              interval, NETFLOW5_SAMPLING_MAX);
    return false;
}
