/* front/metrics_process.c - contract in metrics_priv.h
 *
 * /proc answers from memory: nothing here waits for a disk.
 * Source: proc(5), "statm"; the names are those of Prometheus's own client libraries. */
#include "front/metrics_priv.h"

#include "base/io.h"

#include <sys/resource.h>
#include <unistd.h>

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / (double)US_PER_S;
}

/* Resident pages are the second number in statm. */
static bool resident_bytes(double *out)
{
    char text[128];
    size_t got = 0;
    int fd;
    uint64_t pages;
    struct str rest, size, resident;
    if (io_open("/proc/self/statm", IO_READ, &fd) != OK)
        return false;
    enum err err = io_read_at(fd, text, sizeof text, 0, &got);
    io_close(&fd);
    rest = (struct str){text, got};
    if (err || !str_cut(&rest, ' ', &size) || !str_cut(&rest, ' ', &resident) ||
        str_parse_u64(resident, UINT32_MAX, &pages) != OK)
        return false;
    *out = (double)pages * (double)sysconf(_SC_PAGESIZE);
    return true;
}

void add_usage(struct buf *out)
{
    struct rusage usage;
    double bytes;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        add_single(out, "process_cpu_seconds_total", COUNTER,
                   "Processor time of the station process; its decks have their own.",
                   seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
    if (resident_bytes(&bytes))
        add_single(out, "process_resident_memory_bytes", GAUGE,
                   "Memory of the station process, the sound of the last minutes among it.", bytes);
}
