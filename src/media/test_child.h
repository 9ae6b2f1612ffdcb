/*
 * For unit tests that run media children: the child is /proc/self/exe, which is the test itself then. Use
 * MEDIA_TEST_MAIN in place of TEST_MAIN.
 */
#ifndef MEDIA_TEST_CHILD_H
#define MEDIA_TEST_CHILD_H

#include <string.h>

#include "base/test.h"
#include "media/media.h"

#define MEDIA_TEST_MAIN                                                                            \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        if (argc > 1 && strcmp(argv[1], "media-child") == 0)                                       \
            return media_child_main(argc - 1, argv + 1);                                           \
        return test_run(__FILE__);                                                                 \
    }

#endif
