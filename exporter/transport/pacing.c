/*
 * Pacing of a UDP destination. See pacing.h.
 */
#include "transport/pacing.h"

#include <string.h>

/* A caller who comes this late still gets the whole rate. */
static const uint64_t lateness_ns = 2000000;

void pacing_init(struct pacing *pacing, const struct destination_config *destination, bool offline)
{
    memset(pacing, 0, sizeof *pacing);
    pacing->offline = offline;
    pacing->unpaced = !destination_is_datagram(destination->kind) ||
                      (destination->rate_set && destination->rate == 0);
    pacing->fixed = destination->rate_set;
    pacing->rate = destination->rate;
}

void pacing_change(struct pacing *pacing, const struct pacing *settings)
{
    pacing->unpaced = settings->unpaced;
    pacing->fixed = settings->fixed;
    pacing->rate = settings->rate;
    pacing->open_ns = 0; /* a pause at the old rate may be long */
}

void pacing_offered(struct pacing *pacing, uint64_t monotonic_ns, uint64_t records)
{
    uint64_t second = monotonic_ns / 1000000000u;
    for (unsigned i = 0; pacing->second < second && i < PACING_MEAN_SECONDS; i++) {
        pacing->second++;
        pacing->seconds[pacing->second % PACING_MEAN_SECONDS] = 0;
    }
    if (pacing->second < second) { /* more than ten seconds without records: all is zero */
        pacing->second = second;
        memset(pacing->seconds, 0, sizeof pacing->seconds);
    }
    pacing->seconds[second % PACING_MEAN_SECONDS] += records;
}

uint64_t pacing_rate(const struct pacing *pacing, bool flush)
{
    if (pacing->fixed)
        return pacing->rate;
    if (pacing->offline || flush)
        return PACING_RATE_FLOOR;
    uint64_t sum = 0;
    for (unsigned i = 0; i < PACING_MEAN_SECONDS; i++)
        sum += pacing->seconds[i];
    uint64_t twice_mean = 2 * sum / PACING_MEAN_SECONDS;
    return twice_mean > PACING_RATE_FLOOR ? twice_mean : PACING_RATE_FLOOR;
}

bool pacing_is_open(const struct pacing *pacing, uint64_t monotonic_ns)
{
    return pacing->unpaced || monotonic_ns >= pacing->open_ns;
}

void pacing_sent(struct pacing *pacing, uint64_t monotonic_ns, uint64_t records, bool flush)
{
    if (pacing->unpaced)
        return;
    uint64_t from = monotonic_ns > lateness_ns ? monotonic_ns - lateness_ns : 0;
    from = pacing->open_ns > from ? pacing->open_ns : from;
    pacing->open_ns = from + records * 1000000000u / pacing_rate(pacing, flush);
}
