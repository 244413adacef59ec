/* front/metrics_priv.h - between the files of /metrics.   Thread: loop. */
#ifndef MAST_FRONT_METRICS_PRIV_H
#define MAST_FRONT_METRICS_PRIV_H

#include "front/front_priv.h"

enum value_kind { COUNTER, GAUGE };

/* The two comments before the series of a family. */
void begin_family(struct buf *out, const char *name, enum value_kind kind, const char *help);

/* name="value", escaped. */
void add_label(struct buf *out, const char *name, struct str value);

/* A family of one series without labels. */
void add_single(struct buf *out, const char *name, enum value_kind kind, const char *help,
                double value);

/* ---- metrics_station.c: what each station has on the air, its deck, its levels ---- */
void add_stations(struct buf *out, const struct board *board);

/* ---- metrics_process.c: what the program takes of the machine, named as everywhere ---- */
void add_usage(struct buf *out);

#endif
