/* Tests of program/board.c: finding and logging in, saving and loading. Documents are in
 * board_apply_test.c. */
#include "board_room.h"

#include <sys/stat.h>
#include <unistd.h>

static void a_new_board_has_keys_of_its_own(void **state)
{
    (void)state;
    char admin[KEY_TEXT_BYTES], relay[KEY_TEXT_BYTES], other[KEY_TEXT_BYTES];
    struct board *a, *b;
    assert_int_equal(board_new(admin, relay, &a), OK);
    assert_int_equal(board_new(other, relay, &b), OK);
    assert_true(board_admin_check(a, STR("admin"), str_of(admin)));
    assert_false(board_admin_check(a, STR("root"), str_of(admin)));
    assert_false(board_admin_check(a, STR("admin"), str_of(relay)));
    assert_false(board_admin_check(b, STR("admin"), str_of(admin)));
    assert_false(board_admin_check(a, STR("admin"), STR("")));
    assert_true(board_relay_check(b, STR("relay"), str_of(relay)));
    assert_false(board_relay_check(b, STR("admin"), str_of(relay)));
    assert_false(board_relay_check(a, STR("relay"), str_of(relay)));
    assert_memory_not_equal(a->secret, b->secret, sizeof a->secret);
    assert_int_equal(a->stations_count, 0);
    board_free(&a);
    assert_null(a);
    board_free(&a);
    board_free(&b);
}

static void mount_is(const struct room *room, const char *path, const char *station,
                     const char *rendition)
{
    const struct board_station *s;
    const struct board_rendition *r = board_mount_find(room->board, str_of(path), &s);
    if (!rendition) {
        assert_null(r);
        return;
    }
    assert_non_null(r);
    assert_string_equal(s->slug, station);
    assert_string_equal(r->slug, rendition);
}

static void an_address_finds_its_rendition(void **state)
{
    struct room *room = *state;
    apply_good(room, two_stations);
    mount_is(room, "/wxyz/mp3-128.mp3", "wxyz", "mp3-128");
    mount_is(room, "/wxyz/mp3-64.mp3", "wxyz", "mp3-64");
    mount_is(room, "/wxyz.mp3", "wxyz", "mp3-128");
    mount_is(room, "/wxyz.aac", "wxyz", "aac-48");
    mount_is(room, "/news.opus", "news", "opus");
    mount_is(room, "/live.mp3", "wxyz", "mp3-128");
    mount_is(room, "/old/stream", "wxyz", "aac-48");
    static const char *const missing[] = {
        "",
        "/",
        "/wxyz",
        "/wxyz.opus",
        "/wxyz/mp3-128.aac",
        "/wxyz/x.mp3",
        "/none.mp3",
        "wxyz.mp3",
        "/wxyz/mp3-128.mp3/",
        "/wxyz/mp3-128",
        "/wxyz.",
        "/.mp3",
        "/wxyz.flac",
        "/wxyz//mp3-128.mp3",
        "/news/mp3-128.mp3",
        "/live.mp3x",
        "/wxyz.mp3.mp3",
        "/wxyz/.mp3",
    };
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++)
        mount_is(room, missing[i], NULL, NULL);
    char path[MOUNT_BYTES];
    const struct board_station *s = board_station_find(room->board, STR("wxyz"));
    board_mount_format(s, &s->renditions[0], path);
    assert_string_equal(path, "/wxyz/mp3-128.mp3");
    assert_null(board_station_find(room->board, STR("wxy")));
}

static void login_is(const struct room *room, const char *mount, const char *user, const char *key,
                     enum err expected, const char *source)
{
    struct board_login login;
    enum err err = board_login_check(room->board, str_of(mount), str_of(user), str_of(key), &login);
    assert_int_equal(err, expected);
    if (!err) {
        assert_string_equal(login.source->user, source);
        assert_ptr_equal(board_station_find(room->board, str_of(login.station->slug)),
                         login.station);
    } else {
        assert_null(login.source);
        assert_null(login.station);
    }
}

static void a_source_logs_in_with_its_own_key(void **state)
{
    struct room *room = *state;
    apply_good(room, two_stations);
    login_is(room, "/wxyz", "studio", "studio-key-1234", OK, "studio");
    login_is(room, "/wxyz", "backup", "backup-key-1234", OK, "backup");
    login_is(room, "/wxyz", "studio", "backup-key-1234", E_AUTH, NULL);
    login_is(room, "/wxyz", "nobody", "studio-key-1234", E_AUTH, NULL);
    login_is(room, "/wxyz", "studio", "", E_AUTH, NULL);
    login_is(room, "/news", "studio", "studio-key-1234", E_NOT_FOUND, NULL);
    login_is(room, "/none", "studio", "studio-key-1234", E_NOT_FOUND, NULL);
    login_is(room, "", "studio", "studio-key-1234", E_NOT_FOUND, NULL);
    login_is(room, "/in/news", "source", "news-key-12345", OK, "source");
}

static void user_source_may_use_a_key_that_only_one_source_has(void **state)
{
    struct room *room = *state;
    apply_good(room, two_stations);
    login_is(room, "/wxyz", "source", "studio-key-1234", OK, "studio");
    login_is(room, "/wxyz", "", "backup-key-1234", OK, "backup");
    login_is(room, "/wxyz", "source", "wrong-key-1234", E_AUTH, NULL);
    apply_good(room, "{\"stations\": [{\"slug\": \"wxyz\", \"sources\": ["
                     "{\"user\": \"van\", \"key\": \"studio-key-1234\"}]}]}");
    login_is(room, "/wxyz", "source", "studio-key-1234", E_AUTH, NULL);
    login_is(room, "/wxyz", "van", "studio-key-1234", OK, "van");
    apply_good(room, "{\"stations\": [{\"slug\": \"wxyz\", \"sources\": ["
                     "{\"key\": \"studio-key-1234\"}]}]}");
    login_is(room, "/wxyz", "source", "studio-key-1234", OK, "source");
}

static void password_is(const struct room *room, const char *password, const char *mount,
                        const char *user)
{
    struct board_login login;
    enum err err = board_login_by_password(room->board, str_of(password), &login);
    assert_int_equal(err, user ? OK : E_AUTH);
    if (user) {
        assert_string_equal(login.source->user, user);
        assert_string_equal(login.source->mount, mount);
    } else {
        assert_null(login.source);
    }
}

static void a_password_alone_tells_whose_it_is(void **state)
{
    struct room *room = *state;
    apply_good(room, two_stations);
    password_is(room, "studio-key-1234", "/wxyz", "studio");
    password_is(room, "news-key-12345", "/in/news", "source");
    password_is(room, "backup:backup-key-1234", "/wxyz", "backup");
    password_is(room, "/in/news:news-key-12345", "/in/news", "source");
    password_is(room, "source:backup-key-1234", "/wxyz", "backup");
    password_is(room, "studio:backup-key-1234", NULL, NULL);
    password_is(room, "/wxyz:news-key-12345", NULL, NULL);
    password_is(room, "", NULL, NULL);
    password_is(room, ":", NULL, NULL);
    password_is(room, "studio-key-1235", NULL, NULL);
}

static void a_password_of_two_sources_needs_a_user(void **state)
{
    struct room *room = *state;
    apply_good(room, two_stations);
    apply_good(room, "{\"stations\": [{\"slug\": \"wxyz\", \"sources\": ["
                     "{\"user\": \"van\", \"key\": \"studio-key-1234\"}]}]}");
    password_is(room, "studio-key-1234", NULL, NULL);
    password_is(room, "van:studio-key-1234", "/wxyz", "van");
    /* At another mount it is the key of one alone. */
    apply_good(room,
               "{\"stations\": [{\"slug\": \"news\", \"sources\": ["
               "{\"user\": \"van\", \"mount\": \"/in/van\", \"key\": \"studio-key-1234\"}]}]}");
    password_is(room, "studio-key-1234", "/in/van", "van");
    password_is(room, "/wxyz:studio-key-1234", NULL, NULL);
}

static void the_address_of_a_rendition_stands_for_the_default_mount(void **state)
{
    struct room *room = *state;
    apply_good(room, two_stations);
    login_is(room, "/wxyz/mp3-128.mp3", "studio", "studio-key-1234", OK, "studio");
    login_is(room, "/wxyz.mp3", "studio", "studio-key-1234", OK, "studio");
    login_is(room, "/live.mp3", "backup", "backup-key-1234", OK, "backup");
    login_is(room, "/live.mp3", "backup", "studio-key-1234", E_AUTH, NULL);
    /* The station has no source at its default mount. */
    login_is(room, "/news/opus.opus", "source", "news-key-12345", E_NOT_FOUND, NULL);
    /* A source that claims such an address has it for itself. */
    apply_good(room, "{\"stations\": [{\"slug\": \"wxyz\", \"sources\": [{\"user\": \"van\","
                     "\"mount\": \"/live.mp3\", \"key\": \"van-key-123456\"}]}]}");
    login_is(room, "/live.mp3", "van", "van-key-123456", OK, "van");
    login_is(room, "/live.mp3", "studio", "studio-key-1234", E_AUTH, NULL);
}

static void a_saved_board_is_loaded_as_it_was(void **state)
{
    struct room *room = *state;
    struct board *back;
    char path[256], *before = strdup(board_text(room->board));
    struct stat st;
    tmp_path(&room->folder, "board.json", path);
    assert_int_equal(board_save(path, room->board), OK);
    assert_int_equal(board_load(path, &back, &room->faults), OK);
    assert_string_equal(board_text(back), before);
    board_free(&back);
    free(before);
    apply_good(room, two_stations);
    before = strdup(board_text(room->board));
    assert_int_equal(board_save(path, room->board), OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(board_load(path, &back, &room->faults), OK);
    assert_string_equal(board_text(back), before);
    assert_int_equal(back->version, 1);
    board_free(&room->board);
    room->board = back;
    login_is(room, "/wxyz", "studio", "studio-key-1234", OK, "studio");
    free(before);
}

static void load_bad(struct room *room, const char *text, const char *fault)
{
    struct board *back;
    char path[256], expected[512];
    tmp_path(&room->folder, "board.json", path);
    tmp_write(path, text);
    buf_clear(&room->faults);
    enum err err = board_load(path, &back, &room->faults);
    if (err != E_SYNTAX)
        print_error("not found: %s\n", fault);
    assert_int_equal(err, E_SYNTAX);
    assert_null(back);
    snprintf(expected, sizeof expected, "%s: %s\n", path, fault);
    if (!strstr(room->faults.ptr, expected))
        print_error("expected %sgot %s", expected, room->faults.ptr);
    assert_non_null(strstr(room->faults.ptr, expected));
}

/* Loads the board's own text with its first `from` replaced. */
static void load_changed(struct room *room, const char *from, const char *to, const char *fault)
{
    struct buf text;
    const char *all = board_text(room->board);
    const char *at = strstr(all, from);
    assert_non_null(at);
    buf_init(&text, 100000);
    buf_printf(&text, "%.*s%s%s", (int)(at - all), all, to, at + strlen(from));
    load_bad(room, text.ptr, fault);
    buf_release(&text);
}

static void a_damaged_file_is_refused_with_what_is_wrong(void **state)
{
    struct room *room = *state;
    struct board *back;
    apply_good(room, two_stations);
    assert_int_equal(board_load("/nonexistent", &back, &room->faults), E_NOT_FOUND);
    assert_null(back);
    assert_int_equal(room->faults.len, 0);
    load_bad(room, "", "line 1, column 0: '[' or '{' expected near end of file");
    load_bad(room, "[]", "the document: must be an object");
    load_bad(room, "{}", "format: must be 1: this is no board, or one of a newer mast");
    load_changed(room, "\"format\": 1", "\"format\": 2",
                 "format: must be 1: this is no board, or one of a newer mast");
    load_changed(room, "\"version\": 1", "\"version\": -1",
                 "version: must be a whole number, 0 or more");
    load_changed(room, "\"secret\": \"", "\"secret\": \"00",
                 "the board: secret must be 64 small hex digits");
    load_changed(room, "\"admin_key_hash\"", "\"admin_key_hush\"",
                 "the board: there is no field \"admin_key_hush\"");
    load_changed(room, "\"relay_key_hash\": \"", "\"relay_key_hash\": \"X",
                 "the board: relay_key_hash must be 64 small hex digits");
    load_changed(room, "\"stations\"", "\"station\"", "stations: is missing");
    load_changed(room, "\"name\": \"WXYZ News\"", "\"name\": 7",
                 "stations[0].name: must be a text");
    load_changed(room, "\"name\": \"WXYZ News\",", "", "stations[0].name: is missing");
    load_changed(room, "\"listed\": true", "\"remove\": true",
                 "stations[0].remove: has no place in a file");
    load_changed(room, "\"key_hash\": \"", "\"key_hash\": \"Z",
                 "stations[0].sources[0]: key_hash must be 64 small hex digits");
    load_changed(room, "\"key_hash\"", "\"key\"", "stations[0].sources[0].key_hash: is missing");
    load_changed(room, "\"codec\": \"mp3\", ", "",
                 "stations[0].renditions[0].codec: must be mp3, aac or opus");
    load_changed(room, "\"slug\": \"news\"", "\"slug\": \"wxyz\"",
                 "stations[1].slug: \"wxyz\" is named a second time");
    load_changed(room, "/in/news", "/live.mp3",
                 "stations[1]: mount '/live.mp3' of a source is a mount of station 'wxyz' too");
    char path[256];
    tmp_path(&room->folder, "folder", path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(board_load(path, &back, &room->faults), E_IO);
    assert_non_null(strstr(room->faults.ptr, "folder: the file: input or output failed"));
}

/* Every shorter file is refused, and no byte makes it crash. */
static void a_file_that_was_cut_is_refused(void **state)
{
    struct room *room = *state;
    struct board *back;
    char path[256];
    apply_good(room, two_stations);
    tmp_path(&room->folder, "cut.json", path);
    struct str all = str_of(board_text(room->board));
    for (size_t len = 0; len + 1 < all.len; len += 7) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(all.ptr, 1, len, file), len);
        fclose(file);
        buf_clear(&room->faults);
        assert_int_equal(board_load(path, &back, &room->faults), E_SYNTAX);
        assert_true(room->faults.len > 0);
    }
}

static void a_board_that_cannot_be_saved_is_told(void **state)
{
    const struct room *room = *state;
    assert_int_equal(board_save("/nonexistent/board.json", room->board), E_NOT_FOUND);
}

int main(void)
{
#define BOARD_TEST(f) cmocka_unit_test_setup_teardown(f, room_start, room_stop)
    const struct CMUnitTest tests[] = {
        BOARD_TEST(a_new_board_has_keys_of_its_own),
        BOARD_TEST(an_address_finds_its_rendition),
        BOARD_TEST(a_source_logs_in_with_its_own_key),
        BOARD_TEST(user_source_may_use_a_key_that_only_one_source_has),
        BOARD_TEST(a_password_alone_tells_whose_it_is),
        BOARD_TEST(a_password_of_two_sources_needs_a_user),
        BOARD_TEST(the_address_of_a_rendition_stands_for_the_default_mount),
        BOARD_TEST(a_saved_board_is_loaded_as_it_was),
        BOARD_TEST(a_damaged_file_is_refused_with_what_is_wrong),
        BOARD_TEST(a_file_that_was_cut_is_refused),
        BOARD_TEST(a_board_that_cannot_be_saved_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
