/* program/board_read_rules.c - when a station gives an input up, and what it plays when there is
 * none, from JSON. */
#include "program/board_read_priv.h"

#include <string.h>

#define STALL_MS_MIN         500
#define STALL_MS_MAX         30000
#define SILENCE_DBFS_MIN     (-90)
#define SILENCE_DBFS_MAX     (-20)
#define SILENCE_ALARM_S_MIN  1
#define SILENCE_SWITCH_S_MIN 2
#define SILENCE_S_MAX        600
#define RETURN_S_MIN         1
#define RETURN_S_MAX         300

void board_rules_init(struct board_rules *rules)
{
    *rules = (struct board_rules){.stall_ms = 1500,
                                  .silence_dbfs = -50,
                                  .silence_alarm_s = 10,
                                  .silence_switch_s = 20,
                                  .return_after_s = 5};
}

static void seconds_set(struct reading *r, const struct entry *at, const char *name, int64_t least,
                        int64_t most, uint32_t *field)
{
    int64_t value;
    if (reading_whole(r, at, name, " of seconds", least, most, &value))
        *field = (uint32_t)value;
}

void board_read_rules(struct reading *r, const struct entry *at, struct board_station *station)
{
    static const char *const names[] = {"stall",          "silence_level", "silence_alarm",
                                        "silence_switch", "return_after",  NULL};
    struct board_rules *rules = &station->rules;
    struct entry place;
    int64_t level;
    if (!reading_object(r, at, "rules", &place))
        return;
    reading_members(r, &place, names, NULL);
    reading_seconds(r, &place, "stall", STALL_MS_MIN, STALL_MS_MAX, &rules->stall_ms);
    if (reading_whole(r, &place, "silence_level", " of dBFS", SILENCE_DBFS_MIN, SILENCE_DBFS_MAX,
                      &level))
        rules->silence_dbfs = (int32_t)level;
    seconds_set(r, &place, "silence_alarm", SILENCE_ALARM_S_MIN, SILENCE_S_MAX,
                &rules->silence_alarm_s);
    seconds_set(r, &place, "silence_switch", SILENCE_SWITCH_S_MIN, SILENCE_S_MAX,
                &rules->silence_switch_s);
    seconds_set(r, &place, "return_after", RETURN_S_MIN, RETURN_S_MAX, &rules->return_after_s);
    if (rules->silence_switch_s < rules->silence_alarm_s)
        reading_fault(r, &place, "silence_switch",
                      "must not be under silence_alarm: %u is under %u", rules->silence_switch_s,
                      rules->silence_alarm_s);
}

static const char *loop_file_wrong(struct str path)
{
    static const char *const ends[] = {".mp3", ".aac", ".opus", ".ogg", ".flac"};
    if (!str_starts(path, STR("/")))
        return "must be an absolute path: \"/srv/loop.mp3\"";
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (str_ends(path, str_of(ends[i])))
            return NULL;
    return "must end in .mp3, .aac, .opus, .ogg or .flac";
}

void board_read_loop(struct reading *r, const struct entry *at, struct board_station *station)
{
    const struct json *node = json_get(at->object, "loop");
    struct str path = {0};
    struct log_text t;
    if (!node)
        return;
    if (json_kind_of(node) == JSON_BOOL) {
        station->loop = json_bool(node) ? BOARD_LOOP_OWN : BOARD_LOOP_NONE;
    } else if (json_kind_of(node) != JSON_TEXT) {
        reading_fault(r, at, "loop", "must be true, false or a file's absolute path");
        return;
    } else if (!reading_text(r, at, "loop", sizeof station->loop_file, &path)) {
        return;
    } else if (loop_file_wrong(path)) {
        reading_fault(r, at, "loop", "%s %s", reading_shown(&t, path), loop_file_wrong(path));
        return;
    } else {
        station->loop = BOARD_LOOP_FILE;
    }
    board_field_set(station->loop_file, sizeof station->loop_file, path);
}
