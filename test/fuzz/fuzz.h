/*
 * Fuzz targets: one file a parser, test/fuzz/fuzz_NAME.c, that defines the function below, and a
 * folder of inputs, test/fuzz/corpus/NAME/. It is built in two ways from the same source:
 *
 *   corpus runner   always (corpus_main.c): a normal test, `fuzz/NAME`. Each file of the corpus is
 * one test point; it is run as it is, cut short at many places, and with bytes changed by a fixed
 * generator. libFuzzer       with -Dfuzz=true and clang: `make fuzz` runs each for a while and
 * keeps what it finds in its own folder; an input that once crashed is added to the corpus by hand,
 * named after what went wrong.
 *
 * A target takes any bytes, keeps nothing between calls, must not print, and fails by assert() or a
 * sanitizer. Parse, then use what was parsed (walk it, write it out again, compare): a parser that
 * accepts nonsense fails its user later.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* data: borrowed, may be NULL when size is 0. Always returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
