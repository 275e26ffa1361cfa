/* The level of vector instructions. See simd.h. */
#include "base/simd.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

static const char variable[] = "SPANFLOW_SIMD";
static const char *const names[SIMD_LEVELS] = {
    [SIMD_SCALAR] = "scalar", [SIMD_SSE] = "sse", [SIMD_AVX2] = "avx2", [SIMD_AVX512] = "avx512"};

const char *simd_level_name(enum simd_level level)
{
    check(level < SIMD_LEVELS);
    return names[level];
}

enum simd_level simd_detect(void)
{
#if defined(__x86_64__)
    if (!__builtin_cpu_supports("sse4.1") || !__builtin_cpu_supports("aes"))
        return SIMD_SCALAR;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi") ||
        !__builtin_cpu_supports("bmi2") || !__builtin_cpu_supports("fma"))
        return SIMD_SSE;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512cd") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512vl"))
        return SIMD_AVX2;
    return SIMD_AVX512;
#else
    return SIMD_SCALAR;
#endif
}

/* The level that is asked for; SIMD_LEVELS if the word is none. */
static enum simd_level level_of(const char *word)
{
    unsigned level = SIMD_SCALAR;
    while (level < SIMD_LEVELS && strcmp(word, names[level]) != 0)
        level++;
    return (enum simd_level)level;
}

enum simd_level simd_choose(void)
{
    enum simd_level best = simd_detect();
    const char *word = getenv(variable);
    enum simd_level asked = word ? level_of(word) : best;
    return asked < best ? asked : best;
}

bool simd_check(struct error *error)
{
    const char *word = getenv(variable);
    if (!word)
        return true;
    enum simd_level asked = level_of(word);
    if (asked == SIMD_LEVELS)
        error_set(error, "%s=%.32s: give scalar, sse, avx2 or avx512, or unset it", variable, word);
    else if (asked > simd_detect())
        error_set(error, "%s=%s: this processor has %s at most; give that or unset it", variable,
                  word, names[simd_detect()]);
    else
        return true;
    return false;
}
