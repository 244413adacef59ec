/* base/config.h - the configuration file: what must be known before anything opens; wraps
 * libconfuse.
 *
 * One table, base/tbl/options.h, holds name, default, unit and meaning of each option: the parser,
 * `mast help serve` and the manual are made from it. The file is looked at as a whole: every fault
 * is one line "file:line: what is wrong". */
#ifndef MAST_BASE_CONFIG_H
#define MAST_BASE_CONFIG_H

#include "base/buf.h"

#define CONFIG_LIST_MAX 16

enum config_option {
#define X(name, field, kind, least, most, byself, unit, text) OPTION_##name,
#include "base/tbl/options.h"
#undef X
    OPTION_COUNT
};

struct config {
    char public_url[256];             /* without a slash at the end; "" = from the address */
    char listen[CONFIG_LIST_MAX][80]; /* "127.0.0.1:8000", "[::]:8000" */
    size_t listen_count;
    char data_folder[512];
    char trusted_proxies[CONFIG_LIST_MAX][80]; /* "127.0.0.1", "10.0.0.0/8" */
    size_t trusted_proxies_count;
    char host_name[256];                    /* in status-json; from public_url if not given */
    char location[128], admin_contact[128]; /* as Icecast shows them */
    char log_level[8];                      /* debug info warn error */
    bool access_log;
    bool shoutcast; /* SHOUTcast v1 sources on each port + 1 */
    uint32_t loops; /* 0 = one per core, at most 16 */
    uint32_t listeners_max;
    uint32_t unfinished_per_address_max; /* requests that have not sent their head yet */
    uint32_t burst_ms;
    uint64_t retention_s;        /* how long the tape is kept */
    uint32_t disk_share_percent; /* of the file system, at most, for all tapes */
    char alarm_webhook[512];
    bool alarm_webhook_private;
    char alarm_mail_server[256];
    char alarm_mail_user[128], alarm_mail_password[128];
    char alarm_mail_from[128], alarm_mail_to[128];
    char alarm_ca_file[512];
    uint32_t alarm_repeat_s;
    uint32_t lines[OPTION_COUNT]; /* where the file sets each option; 0 = it does not */
};

/* Fills in the defaults: 127.0.0.1:8000, ./mast-data, 7 days, 20 %, 3 s. */
void config_init(struct config *config);

/* Reads the file at `path` over what *config holds (the defaults). Durations are "90s", "15m",
 * "6h", "7d"; burst may also be in "ms".
 * Shape:  a file has at most 1 MiB; an empty list in it means the default.   Thread: main.
 * Errors: E_NOT_FOUND and the like, E_SYNTAX; *faults then has one line for each fault, in the
 *         file's order, and *config is as it was. */
MUST_USE enum err config_load(const char *path, struct config *config, struct buf *faults);

/* Checks the values against one another (public_url needed unless all addresses are loopback, ...);
 * appends one line for each fault, named after `path` (NULL: there is no file) and the line of
 * the option, or line 1 if it is missing.   Errors: E_SYNTAX if there was any. */
MUST_USE enum err config_check(const char *path, const struct config *config, struct buf *faults);

/* Appends the manual's list of options. */
void config_explain(struct buf *out);

/* "90s", "15m", "6h", "7d" to seconds.   Errors: E_SYNTAX, E_RANGE. */
MUST_USE enum err duration_parse(struct str text, uint64_t *seconds);

#endif
