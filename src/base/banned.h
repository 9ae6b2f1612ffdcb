/* Calls that do not compile here, because a safer one of ours exists. Included before every file by
 * the build. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

/* The system's own headers come first, so that poisoning does not hit their declarations. */
#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#ifndef __cplusplus
/* no bound: buf_addf(), snprintf(), str_dup(), memcpy() of a known length */
#pragma GCC poison strcpy strcat stpcpy strncpy strncat sprintf vsprintf gets
/* no error: str_to_i64() and kin; sscanf is undefined on overflow */
#pragma GCC poison atoi atol atoll atof scanf fscanf sscanf vscanf vsscanf strtok strtok_r
/* shared state: clock_iso(), gmtime_r() */
#pragma GCC poison localtime gmtime ctime asctime ctime_r asctime_r
/* guessable: random_bytes(), mkdtemp(), fs_tmpfile(). Not rand: it is a parameter's name in
 * OpenSSL's headers. */
#pragma GCC poison mktemp tmpnam tempnam srand rand_r random srandom drand48
/* a shell, or a wait without an end: proc_start(), a condition or a descriptor with a deadline */
#pragma GCC poison popen sleep usleep nanosleep clock_nanosleep thrd_sleep
#undef alloca
#pragma GCC poison alloca
#endif

#endif
