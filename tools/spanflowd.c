/*
 * The daemon: reads its configuration, puts the probe together, runs it, says how it went. Exit
 * code 0: done and balanced; 1: something failed at run time; 2: arguments or configuration.
 */
#include <stdio.h>

#include "base/simd.h"
#include "command_line.h"
#include "model.h"
#include "probe.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_REFUSED = 2 };

static int say_failure(const char *text)
{
    fprintf(stderr, "spanflowd: %s\n", text);
    return EXIT_FAILED;
}

/* For tests: says that less than the processor has is used. */
static bool simd_is_possible(struct error *error)
{
    if (!simd_check(error))
        return false;
    if (simd_choose() < simd_detect())
        fprintf(stderr, "spanflowd: vector instructions up to %s only, as SPANFLOW_SIMD says\n",
                simd_level_name(simd_choose()));
    return true;
}

/* Each thing that went wrong is one line. */
static int judge(struct probe *probe)
{
    int code = EXIT_DONE;
    for (uint32_t s = 0; s < probe->source_count; s++)
        if (probe->sources[s]->problem.text[0])
            code = say_failure(probe->sources[s]->problem.text);
    probe_say_problems(probe);
    if (exporting_process_failed(probe->exporter))
        code = EXIT_FAILED;
    if (!probe_write_final_ledger(probe))
        code = EXIT_FAILED;
    return code;
}

int main(int argc, char *argv[])
{
    struct probe_config *config;
    struct error error = {""};
    switch (config_from_command_line(argc, argv, &config, &error)) {
    case COMMAND_LINE_RUN:
        break;
    case COMMAND_LINE_DONE:
        return EXIT_DONE;
    case COMMAND_LINE_REFUSED:
        fprintf(stderr, "spanflowd: %s\n", error.text);
        return EXIT_REFUSED;
    }
    if (!simd_is_possible(&error)) {
        fprintf(stderr, "spanflowd: %s\n", error.text);
        probe_config_free(config);
        return EXIT_REFUSED;
    }
    probe_signals_take();
    int code = EXIT_FAILED;
    struct probe *probe = probe_create(config, &error);
    if (!probe) {
        say_failure(error.text);
    } else {
        if (config->offline && !probe->distribution)
            probe_run_alone(probe);
        else
            probe_run_threads(probe);
        code = judge(probe);
    }
    probe_destroy(probe);
    probe_config_free(config);
    return code;
}
