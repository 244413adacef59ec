/* A private folder for a test, and what it takes to fill and read it. */
#ifndef MAST_TEST_TMP_FOLDER_H
#define MAST_TEST_TMP_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tmp_folder {
    char path[128];
};

static inline void tmp_make(struct tmp_folder *t)
{
    snprintf(t->path, sizeof t->path, "/tmp/mast-test-XXXXXX");
    if (!mkdtemp(t->path))
        abort();
}

static inline const char *tmp_path(const struct tmp_folder *t, const char *name, char out[256])
{
    snprintf(out, 256, "%s/%s", t->path, name);
    return out;
}

static inline void tmp_remove(struct tmp_folder *t)
{
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", t->path);
    if (system(command) != 0)
        abort();
}

static inline void tmp_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        abort();
}

/* Reads at most size - 1 bytes. */
static inline char *tmp_read(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "r");
    size_t got = file ? fread(out, 1, size - 1, file) : 0;
    out[got] = '\0';
    if (file)
        fclose(file);
    return out;
}

#endif
