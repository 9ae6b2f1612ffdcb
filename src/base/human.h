/* Sizes and times as people read them, in sentences and tables. */
#ifndef BASE_HUMAN_H
#define BASE_HUMAN_H

#include <stdint.h>

#define HUMAN_MAX 48
/* "812 bytes", "1.4 MB", "5.4 GB": powers of 1000. Returns out. */
char *human_size(int64_t bytes, char out[static HUMAN_MAX]);
/* "0:04.2", "1:02:03.4": tenths are cut, not rounded. us >= 0. Returns out. */
char *human_time(int64_t us, char out[static HUMAN_MAX]);
/* "40 ms", "1.5 seconds", "90 seconds", "10 minutes", "6 hours": the largest unit that says it exactly enough. Returns out. */
char *human_duration(int64_t us, char out[static HUMAN_MAX]);

#endif
