/* base/config_priv.h - between the files of the configuration: the table and its values. */
#ifndef MAST_BASE_CONFIG_PRIV_H
#define MAST_BASE_CONFIG_PRIV_H

#include "base/config.h"

#define CONFIG_WHY_BYTES 160

enum config_kind {
    KIND_URL,
    KIND_FOLDER,
    KIND_TEXT,
    KIND_SECRET, /* a text that no fault shows */
    KIND_LEVEL,
    KIND_HOOK,
    KIND_MAIL_SERVER,
    KIND_MAIL_ADDRESS,
    KIND_BOOL,
    KIND_COUNT,
    KIND_PERCENT,
    KIND_SECONDS,
    KIND_MILLISECONDS,
    KIND_ADDRESSES, /* a list, as NETWORKS; all others are one value */
    KIND_NETWORKS,
};

struct config_row {
    const char *name;
    enum config_kind kind;
    size_t offset, size, count_offset; /* of the field in struct config */
    uint64_t least, most;
    const char *byself, *unit, *text;
};

/* One row for each option, in the order of enum config_option. */
extern const struct config_row config_rows[OPTION_COUNT];

bool config_row_is_list(const struct config_row *row);

/* Takes a value in: sets the one field, or adds to the list. On false the field is as it was, and
 * `why` says what is wrong as a clause without subject: "must be true or false". */
MUST_USE bool config_value_add(const struct config_row *row, struct config *config,
                               struct str value, char why[CONFIG_WHY_BYTES]);
void config_value_clear(const struct config_row *row, struct config *config);

struct config_address {
    unsigned char ip[16]; /* 4 or 16 bytes */
    bool is_v6, is_loopback;
    uint16_t port;
};
MUST_USE bool config_address_parse(struct str text, struct config_address *out);

/* The host in "http://host[:port]", with the brackets of an IPv6 one; empty if that is no such
 * address. */
struct str config_url_host(struct str url);

/* What is wrong with a file, gathered in any order. */
#define CONFIG_FAULTS_MAX 64
struct config_faults {
    struct {
        uint32_t line;
        char text[320];
    } each[CONFIG_FAULTS_MAX];
    size_t count; /* the first CONFIG_FAULTS_MAX are kept */
};
void config_fault(struct config_faults *faults, uint32_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Looks for what libconfuse would take without a word or report far from where it is: strings that
 * run over their line, ${NAME}, a brace or comment without its end, a comment in the middle of a
 * word, NULs. Lines with a fault are overwritten with blanks, so that the rest can be parsed; so
 * are comments, since libconfuse counts their lines wrong. The text ends in NUL.
 * Returns false if it makes no sense to parse the rest. */
MUST_USE bool config_scan(char *text, size_t len, struct config_faults *faults);

/* Overwrites one line with blanks; false if it is empty, blank already or not there. */
bool config_blank_line(char *text, size_t len, uint32_t line);

#endif
