/* Any configuration file: it is read or refused with faults that each are one line. */
#include "base/config.h"
#include "base/io.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct config config;
    struct buf faults;
    int fd = memfd_create("config", MFD_CLOEXEC);
    assert(fd >= 0);
    enum err err = io_write_at(fd, (struct str){(const char *)data, size}, 0);
    assert(!err);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    buf_init(&faults, 1 << 20);
    config_init(&config);
    err = config_load(path, &config, &faults);
    assert(!buf_err(&faults) && (err == OK) == (faults.len == 0));
    for (struct str rest = buf_str(&faults), line; rest.len > 0;) {
        bool ended = str_cut(&rest, '\n', &line);
        assert(ended && str_starts(line, str_of(path)) && str_is_utf8(line));
    }
    buf_clear(&faults);
    err = config_check("mast.conf", &config, &faults);
    assert((err == OK) == (faults.len == 0));
    buf_release(&faults);
    io_close(&fd);
    return 0;
}
