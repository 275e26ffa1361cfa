/*
 * Pseudo-random numbers of the generator: splitmix64, as a stream and as a mixing function. Only
 * integers, so that a seed gives the same capture on every machine.
 */
#ifndef SPANFLOW_PERF_FLOWGEN_RANDOM_H
#define SPANFLOW_PERF_FLOWGEN_RANDOM_H

#include <stdint.h>

/* A well mixed function of VALUE. */
static inline uint64_t mix64(uint64_t value)
{
    value += 0x9e3779b97f4a7c15u;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
}

/* A well mixed function of a seed and two indices. */
static inline uint64_t mix64_of(uint64_t seed, uint64_t a, uint64_t b)
{
    return mix64(mix64(mix64(seed) ^ a) ^ b);
}

/* The next number of the stream kept in STATE. */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t value = mix64(*state);
    *state += 0x9e3779b97f4a7c15u;
    return value;
}

/* Uniform in 0..BOUND-1 (BOUND below 2^32), by multiplication instead of division. */
static inline uint32_t random_below(uint64_t number, uint32_t bound)
{
    return (uint32_t)((number >> 32) * bound >> 32);
}

#endif
