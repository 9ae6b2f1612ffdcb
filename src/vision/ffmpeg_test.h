/* For tests on real clips: frames from the ffmpeg command, through a pipe. */
#ifndef VISION_FFMPEG_TEST_H
#define VISION_FFMPEG_TEST_H

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"

/* Starts ffmpeg with its output in a pipe; -1 when there is no ffmpeg. */
static inline pid_t ffmpeg_start(const char *const argv[], FILE **ret)
{
    extern char **environ;
    posix_spawn_file_actions_t actions;
    int fds[2];
    pid_t pid;

    CHECK_EQ(pipe(fds), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
    posix_spawn_file_actions_addclose(&actions, fds[0]);
    int r = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    *ret = fdopen(fds[0], "r");
    CHECK(*ret != NULL);
    return r == 0 ? pid : -1;
}

static inline bool ffmpeg_end(pid_t pid, FILE *out)
{
    int status = -1;
    fclose(out);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static inline bool ffmpeg_there(void)
{
    FILE *out;
    char line[256];
    pid_t pid = ffmpeg_start((const char *const[]){"ffmpeg", "-version", NULL}, &out);
    while (pid > 0 && fgets(line, sizeof(line), out))
        continue;
    return ffmpeg_end(pid, out);
}

#endif
