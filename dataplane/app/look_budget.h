/*
 * How much a worker may look at payload: so many packets in a second, and a share of its time,
 * since some octets are made to take long. Where either is used up, packets are passed over. Pure
 * functions of a budget that one worker owns; worker's thread.
 */
#ifndef SPANFLOW_APP_LOOK_BUDGET_H
#define SPANFLOW_APP_LOOK_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

/* In clock ticks: what may be saved up, and as what a look counts at most, since one that seems
 * longer was interrupted. */
enum { LOOK_TICKS_SAVED = 1 << 26, LOOK_TICKS_MAX = 1 << 20 };

struct look_budget {
    uint32_t looks_per_s; /* 0: no bound */
    uint32_t percent;     /* of the time; 0 or 100: no bound */
    uint64_t second;      /* of the first bound: when it began */
    uint32_t allowance;   /* looks left in it */
    uint64_t ticks;       /* when the present look began */
    int64_t time;         /* ticks that are left, times 100 */
};

/* A budget with all its time. */
static inline struct look_budget look_budget_open(uint32_t looks_per_s, uint32_t percent)
{
    return (struct look_budget){.looks_per_s = looks_per_s,
                                .percent = percent,
                                .ticks = clock_ticks(),
                                .time = (int64_t)LOOK_TICKS_SAVED * 100};
}

/* From now on these bounds hold. */
static inline void look_budget_change(struct look_budget *budget, uint32_t looks_per_s,
                                      uint32_t percent)
{
    budget->looks_per_s = looks_per_s;
    budget->percent = percent;
    if (budget->allowance > looks_per_s)
        budget->allowance = looks_per_s;
}

/* Whether there is a bound of time. */
static inline bool look_budget_is_timed(const struct look_budget *budget)
{
    return budget->percent % 100u != 0;
}

/* Whether looks have taken less than their share of the time so far. */
static inline bool look_budget_has_time(struct look_budget *budget)
{
    if (!look_budget_is_timed(budget))
        return true;
    uint64_t now = clock_ticks(), passed = now - budget->ticks;
    const int64_t most = (int64_t)LOOK_TICKS_SAVED * 100;
    budget->ticks = now;
    if (passed > LOOK_TICKS_SAVED)
        passed = LOOK_TICKS_SAVED;
    budget->time += (int64_t)passed * budget->percent;
    if (budget->time > most)
        budget->time = most;
    return budget->time > 0;
}

/* Whether the packet of time NOW_NS may be looked at; if so the look has begun. */
static inline bool look_budget_begin(struct look_budget *budget, uint64_t now_ns)
{
    const uint64_t ns_per_s = 1000000000u;
    if (!look_budget_has_time(budget))
        return false;
    if (budget->looks_per_s == 0)
        return true;
    if (now_ns - budget->second >= ns_per_s) {
        budget->second = now_ns;
        budget->allowance = budget->looks_per_s;
    }
    if (budget->allowance == 0)
        return false;
    budget->allowance--;
    return true;
}

/* The look is over. */
static inline void look_budget_end(struct look_budget *budget)
{
    if (!look_budget_is_timed(budget))
        return;
    uint64_t taken = clock_ticks() - budget->ticks;
    budget->time -= (int64_t)(taken < LOOK_TICKS_MAX ? taken : LOOK_TICKS_MAX) * 100;
}

#endif
