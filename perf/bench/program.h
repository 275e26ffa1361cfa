/*
 * Another program that a benchmark measures beside ours. Single thread.
 */
#ifndef SPANFLOW_PERF_BENCH_PROGRAM_H
#define SPANFLOW_PERF_BENCH_PROGRAM_H

#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs ARGUMENTS, which end with NULL, and waits for its end; what it says is thrown away. Whether
 * it ended with status 0. */
static inline bool program_run(char *const arguments[])
{
    posix_spawn_file_actions_t silent;
    pid_t child = -1;
    int status = -1;
    posix_spawn_file_actions_init(&silent);
    posix_spawn_file_actions_addopen(&silent, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&silent, 2, "/dev/null", O_WRONLY, 0);
    bool run = posix_spawnp(&child, arguments[0], &silent, NULL, arguments, environ) == 0;
    posix_spawn_file_actions_destroy(&silent);
    return run && waitpid(child, &status, 0) == child && status == 0;
}

#endif
