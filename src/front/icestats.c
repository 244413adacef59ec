/* front/icestats.c - what Icecast calls what, in its order; contract in front_priv.h
 *
 * Both forms (status-json and /admin/stats) are made from the one list here: ASCII order of names,
 * and the same names hidden from the public as in Icecast's status-json.xsl.
 * Source: measured on Icecast 2.4.4. */
#include "front/front_priv.h"

#include <stdio.h>

static void add(struct stat_sink *sink, const char *name, const char *value)
{
    sink->add(sink, name, str_of(value), true);
}

static void add_number(struct stat_sink *sink, const char *name, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    sink->add(sink, name, str_of(text), true);
}

static void hide(struct stat_sink *sink, const char *name, const char *value)
{
    sink->add(sink, name, str_of(value), false);
}

static void hide_number(struct stat_sink *sink, const char *name, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    sink->add(sink, name, str_of(text), false);
}

/* ---- the server ---- */

static void count_sound(void *ctx, const struct sound *sound)
{
    struct ice_facts *facts = ctx;
    facts->listeners += sound->audience.now;
    facts->listener_connections += sound->audience.total_count;
    facts->sources += sound->is_on;
}

void ice_facts_look(const struct front *front, struct ice_facts *out)
{
    const struct front_config *c = &front->config;
    struct http_stats http = {0};
    struct air_stats air = air_stats(c->air);
    if (front->server)
        http = http_stats(front->server);
    *out = (struct ice_facts){
        .admin = c->admin_contact,
        .host = c->host_name,
        .location = c->location,
        .server_id = c->server_id,
        .port = front->port,
        .started = c->started,
        .client_connections = http.requests_count,
        .connections = http.accepted_count,
        .source_connections = air.logins_count,
    };
    sound_each(front, &(struct sound_which){0}, count_sound, out);
    out->clients = out->listeners + air.sources_now + http.open_count;
}

void icestats_server(const struct ice_facts *f, struct stat_sink *sink)
{
    char time[ICE_TIME_BYTES];
    add(sink, "admin", f->admin);
    hide_number(sink, "client_connections", f->client_connections);
    hide_number(sink, "clients", f->clients);
    hide_number(sink, "connections", f->connections);
    hide_number(sink, "file_connections", 0);
    add(sink, "host", f->host);
    hide_number(sink, "listener_connections", f->listener_connections);
    hide_number(sink, "listeners", f->listeners);
    add(sink, "location", f->location);
    add(sink, "server_id", f->server_id);
    ice_time_format(f->started, time);
    add(sink, "server_start", time);
    ice_iso_format(f->started, time);
    add(sink, "server_start_iso8601", time);
    hide_number(sink, "source_client_connections", f->source_connections);
    hide_number(sink, "source_relay_connections", 0);
    hide_number(sink, "source_total_connections", f->source_connections);
    hide_number(sink, "sources", f->sources);
    hide_number(sink, "stats", 0);
    hide_number(sink, "stats_connections", 0);
}

/* ---- one rendition ---- */

struct str audio_info_get(struct str audio_info, const char *key)
{
    while (audio_info.len > 0) {
        struct str value, name;
        str_cut(&audio_info, ';', &value);
        if (str_cut(&value, '=', &name) && str_eq(str_trim(name), str_of(key)))
            return str_trim(value);
    }
    return STR("");
}

/* What sound there is, by what the source announced, else by the frames themselves. */
struct audio_facts {
    char info[256];
    uint64_t bitrate_kbps;
    char ice_bitrate[24], ice_channels[24], ice_rate[24], quality[24];
};

static void announced_or(struct str info, const char *ice_key, const char *key, uint64_t own,
                         char out[24])
{
    struct str value = audio_info_get(info, ice_key);
    if (value.len == 0)
        value = audio_info_get(info, key);
    if (value.len > 0 && value.len < 24)
        str_copy(out, 24, value);
    else
        snprintf(out, 24, "%llu", (unsigned long long)own);
}

static void audio_facts_look(const struct sound *s, struct audio_facts *out)
{
    struct str info = s->has_source ? str_of(s->source.audio_info) : STR("");
    uint32_t own_kbps = s->rendition->bitrate_bps / 1000;
    *out = (struct audio_facts){.bitrate_kbps = own_kbps};
    if (s->has_source && s->source.bitrate_kbps > 0)
        out->bitrate_kbps = s->source.bitrate_kbps;
    announced_or(info, "ice-bitrate", "bitrate", out->bitrate_kbps, out->ice_bitrate);
    announced_or(info, "ice-channels", "channels", s->format.channels, out->ice_channels);
    announced_or(info, "ice-samplerate", "samplerate", s->format.rate_hz, out->ice_rate);
    struct str quality = audio_info_get(info, "quality");
    if (quality.len < sizeof out->quality)
        str_copy(out->quality, sizeof out->quality, quality);
    if (info.len > 0)
        str_copy(out->info, sizeof out->info, info);
    else
        snprintf(out->info, sizeof out->info, "ice-samplerate=%s;ice-bitrate=%s;ice-channels=%s",
                 out->ice_rate, out->ice_bitrate, out->ice_channels);
}

/* The station's own word comes first, as a mount's settings do in Icecast. */
static const char *first_of(const char *station, const char *source, const char *otherwise)
{
    return station[0] ? station : source[0] ? source : otherwise;
}

static void add_audio(const struct sound *s, struct stat_sink *sink, const char *genre)
{
    struct audio_facts audio;
    audio_facts_look(s, &audio);
    add(sink, "audio_info", audio.info);
    add_number(sink, "bitrate", audio.bitrate_kbps);
    if (s->has_format)
        add_number(sink, "channels", s->format.channels);
    add(sink, "genre", genre);
    add(sink, "ice-bitrate", audio.ice_bitrate);
    add(sink, "ice-channels", audio.ice_channels);
    add(sink, "ice-samplerate", audio.ice_rate);
}

static void add_audience(const struct ice_facts *facts, const struct sound *s,
                         struct stat_sink *sink)
{
    char url[512];
    snprintf(url, sizeof url, "http://%s:%u%s", facts->host, facts->port, s->mount);
    add_number(sink, "listener_peak", s->audience.peak);
    add_number(sink, "listeners", s->audience.now);
    add(sink, "listenurl", url);
    hide(sink, "max_listeners", "unlimited");
    hide_number(sink, "public", s->has_source && s->source.is_public);
}

static void add_rate(const struct sound *s, struct stat_sink *sink)
{
    struct audio_facts audio;
    audio_facts_look(s, &audio);
    if (audio.quality[0])
        add(sink, "quality", audio.quality);
    if (s->has_format)
        add_number(sink, "samplerate", s->format.rate_hz);
}

static void add_times(const struct sound *s, struct stat_sink *sink)
{
    char time[ICE_TIME_BYTES];
    ice_time_format(s->since, time);
    add(sink, "stream_start", time);
    ice_iso_format(s->since, time);
    add(sink, "stream_start_iso8601", time);
}

void icestats_sound(const struct ice_facts *facts, const struct sound *s, struct stat_sink *sink)
{
    static const struct source_facts nobody;
    const struct board_station *station = s->station;
    const struct source_facts *source = s->has_source ? &s->source : &nobody;
    char ip[ADDR_BYTES];
    addr_format(&source->peer, ip);
    const char *url = first_of(station->url, source->url, "");

    add_audio(s, sink, first_of(station->genre, source->genre, "various"));
    add_audience(facts, s, sink);
    add_rate(s, sink);
    add(sink, "server_description",
        first_of(station->description, source->description, "Unspecified description"));
    add(sink, "server_name", first_of(station->name, source->name, "Unspecified name"));
    add(sink, "server_type", codec_content_type(s->rendition->codec));
    if (url[0])
        add(sink, "server_url", url);
    hide_number(sink, "slow_listeners", s->audience.dropped_count);
    hide(sink, "source_ip", ip);
    add_times(s, sink);
    if (s->rendition->codec == CODEC_OPUS)
        add(sink, "subtype", "Opus");
    if (s->has_title)
        add(sink, "title", s->title);
    hide_number(sink, "total_bytes_read", source->bytes_read);
    hide_number(sink, "total_bytes_sent", s->audience.bytes_sent);
    hide(sink, "user_agent", source->agent);
}
