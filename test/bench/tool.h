/* bench/tool.h - what the tools of the bench share: time, options, the limit of descriptors.
 *
 * The tools share no code with mast: they measure it from outside, with plain system calls. */
#ifndef MAST_BENCH_TOOL_H
#define MAST_BENCH_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC in microseconds. */
uint64_t tool_now_us(void);

/* Prints one line, with the system's error if errno is set, and exits with status 2. */
_Noreturn void tool_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The value after `name` on the command line ("--port 8000"), else `fallback`. Borrowed. */
const char *tool_option(int argc, char **argv, const char *name, const char *fallback);
uint64_t tool_number(int argc, char **argv, const char *name, uint64_t fallback);

/* `count` zeroed items of `size` bytes; exits if there is no memory. Freed by the exit. */
void *tool_alloc(size_t count, size_t size);

/* Raises the limit of open files to what the system allows. */
void tool_raise_files(void);

#endif
