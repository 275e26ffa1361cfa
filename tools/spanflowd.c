/*
 * The daemon: reads its configuration, puts the probe together, runs it, says how it went. Exit
 * code 0: done and balanced; 1: something failed at run time; 2: arguments or configuration.
 */
#include <stdio.h>

#include "base/simd.h"
#include "command_line.h"
#include "file_check.h"
#include "model.h"
#include "plan.h"
#include "probe.h"
#include "probe_apply.h"
#include "probe_child.h"
#include "probe_control.h"
#include "probe_files.h"
#include "probe_history.h"
#include "probe_snapshot.h"

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
    for (uint32_t s = 0; s < probe->source_count; s++) {
        struct error line;
        if (packet_source_tell_problem(probe->sources[s], &line))
            say_failure(line.text);
        if (probe->sources[s]->problem_told)
            code = EXIT_FAILED;
    }
    probe_say_problems(probe);
    for (uint32_t c = 0; c < probe->metering->cache_count; c++)
        if (exporting_process_failed(probe->exporting->exporters[c]))
            code = EXIT_FAILED;
    if (!probe_write_final_ledger(probe))
        code = EXIT_FAILED;
    return code;
}

static void run_probe(struct probe *probe)
{
    if (probe->config->offline && !probe->metering->distribution)
        probe_run_alone(probe);
    else
        probe_run_threads(probe);
    if (probe->config->offline)
        probe_history_turn(probe);
}

/* One probe by CONFIG and FILES, and others in its place when a configuration wants that. */
static int run(const struct probe_config *config, struct probe_files *files,
               struct probe_control *control)
{
    struct error error = {""};
    struct probe *probe = probe_begin(config, files, control, NULL, &error);
    while (probe) {
        run_probe(probe);
        if (!probe->rebuilding || probe_stops_asked())
            break;
        probe = probe_rebuild(probe, &error);
    }
    probe_rebuild_given_up(control);
    int code = probe ? judge(probe) : say_failure(error.text);
    probe_destroy(probe);
    return code;
}

/* Whether NETCONF is served: a build without it serves only who asks for it by --control. */
static bool is_served(const struct run_options *options)
{
    return options->managed && (SPANFLOW_NETCONF || options->managed_by_option);
}

static int refuse(struct probe_config *config, const struct error *error)
{
    fprintf(stderr, "spanflowd: %s\n", error->text);
    probe_config_free(config);
    return EXIT_REFUSED;
}

/* What --check asks for. CONFIG is freed. */
static int check_only(struct probe_config *config, const struct run_options *options)
{
    struct error error = {""};
    if (!config_check_files(config, &error) || !config_check_rules_and_lists(config, &error) ||
        !config_check_netconf_files(options->configuration, &error) || !simd_is_possible(&error))
        return refuse(config, &error);
    const char *untold = model_names_untold(config);
    if (untold)
        fprintf(stderr, "spanflowd: warning: %s\n", untold);
    config_print_checked(config);
    probe_config_free(config);
    return EXIT_DONE;
}

/* Everything behind the command line. CONFIG is freed. */
static int start(struct probe_config *config, struct run_options *options)
{
    struct error error = {""};
    struct probe_control *control = NULL;
    struct probe_files files;
    const struct probe_files_wish wish = {.config = config, .actions = PLAN_RULES | PLAN_LISTS};
    if (!config_check_files(config, &error) || !simd_is_possible(&error))
        return refuse(config, &error);
    if (!probe_config_observes(config) && !is_served(options)) {
        error_set(&error, NOTHING_STORED, options->store);
        return refuse(config, &error);
    }
    probe_signals_take();
    if (!probe_files_make(&files, &wish, &error))
        return refuse(config, &error);
    probe_snapshot_tell_configuration(options->configuration);
    if (is_served(options) && !(control = probe_control_open(config, options, &error))) {
        probe_files_free(&files);
        return say_failure(error.text);
    }
    int code = run(config, &files, control);
    probe_files_free(&files); /* what no probe took */
    if (control)
        probe_control_close(control);
    else
        probe_config_free(config);
    return code;
}

int main(int argc, char *argv[])
{
    struct probe_config *config;
    struct run_options options;
    struct error error = {""};
    int code = probe_child_become(argc, argv);
    if (code >= 0)
        return code;
    switch (config_from_command_line(argc, argv, &config, &options, &error)) {
    case COMMAND_LINE_RUN:
        code = start(config, &options);
        break;
    case COMMAND_LINE_CHECK:
        code = check_only(config, &options);
        break;
    case COMMAND_LINE_DONE:
        code = EXIT_DONE;
        break;
    case COMMAND_LINE_REFUSED:
        fprintf(stderr, "spanflowd: %s\n", error.text);
        code = EXIT_REFUSED;
        break;
    }
    run_options_free(&options);
    return code;
}
