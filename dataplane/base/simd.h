/*
 * Which vector instructions the dataplane uses: chosen once at start by what the processor has, or
 * less by the environment variable SPANFLOW_SIMD (scalar, sse, avx2 or avx512), which is there so
 * that tests can show that all variants make the same records. Any thread.
 */
#ifndef SPANFLOW_BASE_SIMD_H
#define SPANFLOW_BASE_SIMD_H

#include <stdbool.h>

#include "base/error.h"

/* Each level includes those before it. */
enum simd_level {
    SIMD_SCALAR, /* the portable definitions, and what the compiler makes of them */
    SIMD_SSE,    /* SSE4.1 and AES */
    SIMD_AVX2,   /* x86-64-v3 */
    SIMD_AVX512, /* x86-64-v4 */
    SIMD_LEVELS
};

/* The highest level that this processor runs. */
enum simd_level simd_detect(void);

/* The level to use: that of SPANFLOW_SIMD if it is set and possible, else simd_detect(). */
enum simd_level simd_choose(void);

/* Whether SPANFLOW_SIMD, if it is set, names a level that this processor runs. False with one line
 * in ERROR. Called once by the daemon before anything asks for a level. */
bool simd_check(struct error *error);

/* The word of LEVEL in SPANFLOW_SIMD. */
const char *simd_level_name(enum simd_level level);

/* The name of something that a hot unit defines once for each level: such a unit is compiled for
 * each, with SPANFLOW_VARIANT defined as the level's word (dataplane/meson.build). */
#define SIMD_VARIANT_JOIN(name, variant) name##_##variant
#define SIMD_VARIANT_NAME(name, variant) SIMD_VARIANT_JOIN(name, variant)
#define SIMD_VARIANT(name)               SIMD_VARIANT_NAME(name, SPANFLOW_VARIANT)

#endif
