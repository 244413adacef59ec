/* base/io.c - contract in io.h
 *
 * Every call that can fail is a plain call of libc, so that a test can stand in for it at link time
 * (-Wl,--wrap=pwrite) and fail the n-th. */
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PATH_BYTES  4096
#define PIECE_BYTES ((size_t)65536)

static enum err open_flags(const char *path, int flags, int *out)
{
    do
        *out = open(path, flags | O_CLOEXEC | O_NOCTTY, 0600);
    while (*out < 0 && errno == EINTR);
    return *out < 0 ? err_from_errno(errno) : OK;
}

enum err io_open(const char *path, enum io_mode mode, int *out)
{
    static const int flags[] = {
        [IO_READ] = O_RDONLY,
        [IO_WRITE] = O_RDWR | O_CREAT,
        [IO_APPEND] = O_WRONLY | O_APPEND | O_CREAT,
    };
    return open_flags(path, flags[mode], out);
}

void io_close(int *fd)
{
    /* Linux gives the descriptor back even where close() says EINTR; what was written is safe only
     * after io_sync(), so there is nothing to learn from its result. */
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

enum err io_read_at(int fd, void *to, size_t bytes, uint64_t offset, size_t *got)
{
    *got = 0;
    while (*got < bytes) {
        ssize_t n = pread(fd, (char *)to + *got, bytes - *got, (off_t)(offset + *got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_from_errno(errno);
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return OK;
}

enum err io_write_at(int fd, struct str bytes, uint64_t offset)
{
    size_t done = 0;
    while (done < bytes.len) {
        ssize_t n = pwrite(fd, bytes.ptr + done, bytes.len - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_from_errno(errno);
        if (n == 0)
            return E_IO;
        done += (size_t)n;
    }
    return OK;
}

enum err io_append(int fd, struct str bytes)
{
    size_t done = 0;
    while (done < bytes.len) {
        ssize_t n = write(fd, bytes.ptr + done, bytes.len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_from_errno(errno);
        if (n == 0)
            return E_IO;
        done += (size_t)n;
    }
    return OK;
}

enum err io_sync(int fd)
{
    int failed;
    do
        failed = fdatasync(fd);
    while (failed && errno == EINTR);
    return failed ? err_from_errno(errno) : OK;
}

enum err io_truncate(int fd, uint64_t bytes)
{
    int failed;
    do
        failed = ftruncate(fd, (off_t)bytes);
    while (failed && errno == EINTR);
    return failed ? err_from_errno(errno) : OK;
}

enum err io_size(int fd, uint64_t *out)
{
    struct stat st;
    *out = 0;
    if (fstat(fd, &st))
        return err_from_errno(errno);
    *out = (uint64_t)st.st_size;
    return OK;
}

/* Copies the folder that a path lies in: "." for a bare name, "/" for the root's own. */
static enum err folder_of(const char *path, char out[PATH_BYTES])
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return str_copy(out, PATH_BYTES, STR(".")) ? OK : E_TOO_LONG;
    size_t len = slash == path ? 1 : (size_t)(slash - path);
    return str_copy(out, PATH_BYTES, (struct str){path, len}) ? OK : E_TOO_LONG;
}

static enum err sync_folder_of(const char *path)
{
    char folder[PATH_BYTES];
    int fd = -1;
    enum err err = folder_of(path, folder);
    if (!err)
        err = open_flags(folder, O_RDONLY | O_DIRECTORY, &fd);
    if (!err)
        err = io_sync(fd);
    io_close(&fd);
    return err;
}

enum err io_rename(const char *from, const char *to)
{
    if (rename(from, to))
        return err_from_errno(errno);
    return sync_folder_of(to);
}

enum err io_unlink(const char *path)
{
    if (unlink(path) && errno != ENOENT)
        return err_from_errno(errno);
    return OK;
}

static enum err make_one(const char *path)
{
    struct stat st;
    if (mkdir(path, 0700) == 0)
        return OK;
    if (errno != EEXIST)
        return err_from_errno(errno);
    if (stat(path, &st))
        return err_from_errno(errno);
    return S_ISDIR(st.st_mode) ? OK : E_EXISTS;
}

enum err io_make_folder(const char *path)
{
    char part[PATH_BYTES];
    size_t len = strlen(path);
    if (len == 0)
        return E_NOT_FOUND;
    if (len >= sizeof part)
        return E_TOO_LONG;
    for (size_t i = 1; i <= len; i++) {
        if (i < len && path[i] != '/')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        enum err err = make_one(part);
        if (err)
            return err;
    }
    return OK;
}

enum err io_list(const char *path, enum err (*fn)(void *ctx, const char *name), void *ctx)
{
    DIR *folder = opendir(path);
    if (!folder)
        return err_from_errno(errno);
    enum err err = OK;
    while (!err) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (!entry) {
            err = err_from_errno(errno);
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            err = fn(ctx, entry->d_name);
    }
    closedir(folder);
    return err;
}

enum err io_free_bytes(const char *path, uint64_t *free_bytes, uint64_t *total_bytes)
{
    struct statvfs fs;
    int failed;
    *free_bytes = *total_bytes = 0;
    do
        failed = statvfs(path, &fs);
    while (failed && errno == EINTR);
    if (failed)
        return err_from_errno(errno);
    *free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    *total_bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
    return OK;
}

/* Reads on from where the descriptor stands: what is loaded may be a pipe. */
static enum err read_some(int fd, void *to, size_t bytes, size_t *got)
{
    ssize_t n;
    do
        n = read(fd, to, bytes);
    while (n < 0 && errno == EINTR);
    *got = n > 0 ? (size_t)n : 0;
    return n < 0 ? err_from_errno(errno) : OK;
}

static enum err load_fd(int fd, struct buf *out)
{
    enum err err = OK;
    size_t got = 1;
    while (!err && got > 0) {
        char over;
        size_t room = out->cap - out->len;
        if (room == 0) {
            err = read_some(fd, &over, 1, &got);
            return err ? err : got > 0 ? E_TOO_LONG : OK;
        }
        if (room > PIECE_BYTES)
            room = PIECE_BYTES;
        char *to = buf_reserve(out, room);
        if (!to)
            return buf_err(out);
        err = read_some(fd, to, room, &got);
        if (!err)
            buf_grew(out, got);
    }
    return err;
}

enum err io_load(const char *path, struct buf *out)
{
    int fd = -1;
    enum err err = buf_err(out);
    if (!err)
        err = io_open(path, IO_READ, &fd);
    if (!err)
        err = load_fd(fd, out);
    io_close(&fd);
    return err;
}

enum err io_save(const char *path, struct str bytes)
{
    char aside[PATH_BYTES];
    int fd = -1;
    int len = snprintf(aside, sizeof aside, "%s.new", path);
    if (len < 0 || (size_t)len >= sizeof aside)
        return E_TOO_LONG;
    enum err err = open_flags(aside, O_WRONLY | O_CREAT | O_TRUNC, &fd);
    if (err)
        return err;
    err = io_write_at(fd, bytes, 0);
    if (!err)
        err = io_sync(fd);
    io_close(&fd);
    if (!err && rename(aside, path))
        err = err_from_errno(errno);
    if (err) {
        (void)unlink(aside); /* if that fails too, the next save overwrites it */
        return err;
    }
    return sync_folder_of(path);
}

enum err io_lock(const char *path, int *out)
{
    enum err err = open_flags(path, O_RDONLY | O_DIRECTORY, out);
    if (err)
        return err;
    int failed;
    do
        failed = flock(*out, LOCK_EX | LOCK_NB);
    while (failed && errno == EINTR);
    if (failed) {
        err = errno == EWOULDBLOCK ? E_BUSY : err_from_errno(errno);
        io_close(out);
    }
    return err;
}
