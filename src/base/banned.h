/* Calls that do not compile here, because a safer one of ours exists. Included before every file by the build. */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

/* The system's own headers come first, so that poisoning does not hit their declarations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#ifndef __cplusplus
#pragma GCC poison strcpy strcat sprintf vsprintf gets strtok atoi atol atoll atof localtime gmtime ctime asctime
#pragma GCC poison mktemp tmpnam alloca
#endif

#endif
