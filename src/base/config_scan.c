/* base/config_scan.c - a first look at the configuration file, for what libconfuse lets pass. */
#include "base/config_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum where { IN_CODE, IN_LINE_COMMENT, IN_BLOCK_COMMENT, IN_DOUBLE, IN_SINGLE };

struct scan {
    char *text;
    size_t len, at, line_start;
    uint32_t line;
    enum where where;
    uint32_t comment_line;      /* where a block comment began */
    uint32_t brace_line;        /* where the brace that is open stands; 0 = none */
    uint32_t brace_line_before; /* the same at the start of this line */
    bool line_is_bad;           /* has a fault already */
    struct config_faults *faults;
};

void config_fault(struct config_faults *faults, uint32_t line, const char *format, ...)
{
    if (faults->count == CONFIG_FAULTS_MAX)
        return;
    size_t i = faults->count++;
    faults->each[i].line = line;
    va_list args;
    va_start(args, format);
    vsnprintf(faults->each[i].text, sizeof faults->each[i].text, format, args);
    va_end(args);
}

static bool blank(char *text, size_t from, size_t to)
{
    bool found = false;
    for (size_t i = from; i < to; i++) {
        found = found || (text[i] != ' ' && text[i] != '\t' && text[i] != '\r');
        text[i] = ' ';
    }
    return found;
}

bool config_blank_line(char *text, size_t len, uint32_t line)
{
    size_t from = 0;
    for (uint32_t i = 1; i < line; i++) {
        const char *end = memchr(text + from, '\n', len - from);
        if (!end)
            return false;
        from = (size_t)(end - text) + 1;
    }
    const char *end = memchr(text + from, '\n', len - from);
    return blank(text, from, end ? (size_t)(end - text) : len);
}

static void bad_line(struct scan *s, const char *what)
{
    if (!s->line_is_bad)
        config_fault(s->faults, s->line, "%s", what);
    s->line_is_bad = true;
}

static void line_end(struct scan *s)
{
    if (s->where == IN_DOUBLE || s->where == IN_SINGLE)
        bad_line(s, "a string has no closing quote on its line");
    if (s->where != IN_BLOCK_COMMENT)
        s->where = IN_CODE;
    if (s->line_is_bad) {
        blank(s->text, s->line_start, s->at);
        s->brace_line = s->brace_line_before;
    }
    s->line_is_bad = false;
    s->line++;
    s->line_start = s->at + 1;
    s->brace_line_before = s->brace_line;
}

/* libconfuse sees a comment only where a word could begin: "http://x" has none. */
static bool word_may_begin(const struct scan *s)
{
    return s->at == s->line_start || strchr(" \t\r={}(),+\"'", s->text[s->at - 1]) != NULL;
}

static void code_byte(struct scan *s, char c, char next)
{
    if (c == '#' || (c == '/' && next == '/' && word_may_begin(s)))
        s->where = IN_LINE_COMMENT;
    else if (c == '/' && next == '*' && word_may_begin(s)) {
        s->where = IN_BLOCK_COMMENT;
        s->comment_line = s->line;
        s->text[s->at++] = ' ';
    } else if (c == '*')
        /* libconfuse opens a comment in the middle of a word, and forgets that it did. */
        bad_line(s, "a * must be in quotes, and a comment begins with a blank before its /*");
    else if (c == '"')
        s->where = IN_DOUBLE;
    else if (c == '\'')
        s->where = IN_SINGLE;
    else if (c == '{')
        s->brace_line = s->line;
    else if (c == '}')
        s->brace_line = 0;
    if (s->where == IN_LINE_COMMENT || s->where == IN_BLOCK_COMMENT)
        s->text[s->at] = ' ';
}

static void scan_byte(struct scan *s)
{
    char c = s->text[s->at];
    char next = s->text[s->at + 1];
    if (c == '\0')
        bad_line(s, "there is a NUL byte");
    if (c == '$' && next == '{' && (s->where == IN_CODE || s->where == IN_DOUBLE))
        bad_line(s, "${...} is not replaced here: write the value itself, or use single quotes");
    switch (s->where) {
    case IN_CODE:
        code_byte(s, c, next);
        break;
    case IN_BLOCK_COMMENT:
        s->text[s->at] = ' ';
        if (c == '*' && next == '/') {
            s->where = IN_CODE;
            s->text[++s->at] = ' ';
        }
        break;
    case IN_LINE_COMMENT:
        s->text[s->at] = ' ';
        break;
    case IN_DOUBLE:
    case IN_SINGLE:
        if (c == '\\' && next != '\n' && next != '\0')
            s->at++;
        else if (c == (s->where == IN_DOUBLE ? '"' : '\''))
            s->where = IN_CODE;
        break;
    }
}

bool config_scan(char *text, size_t len, struct config_faults *faults)
{
    struct scan s = {.text = text, .len = len, .line = 1, .faults = faults};
    for (; s.at < len; s.at++) {
        if (text[s.at] == '\n')
            line_end(&s);
        else
            scan_byte(&s);
    }
    s.at = len;
    line_end(&s);
    if (s.where == IN_BLOCK_COMMENT)
        config_fault(faults, s.comment_line, "a comment has no end");
    if (s.brace_line > 0)
        config_fault(faults, s.brace_line, "a list has no closing brace");
    return s.brace_line == 0;
}
