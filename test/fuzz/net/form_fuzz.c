/* Any bytes as a target, a form and credentials. The first line is the field's name. */
#include "base/mem.h"
#include "net/http.h"
#include "net/response_priv.h"
#include "net/target_priv.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct response *page;
    struct str rest = {(const char *)data, size}, name, value, user, password;
    struct arena arena;
    struct target target;
    struct answer answer;
    const char *fault;
    if (!page) {
        struct response_spec spec = {.status = 200,
                                     .content_type = "a/b",
                                     .body = STR("0123456789"),
                                     .gzip = STR("gz"),
                                     .has_etag = true,
                                     .last_modified = {1795340530 * US_PER_S},
                                     .takes_ranges = true};
        if (response_new(&spec, &page))
            abort();
    }
    str_cut(&rest, '\n', &name);
    arena_init(&arena, 1 << 20);
    if (form_field(&arena, rest, name, &value) == OK)
        assert(value.len <= rest.len);
    struct http_header header = {STR("authorization"), rest};
    struct request request = {.arena = &arena, .headers = &header, .headers_count = 1};
    if (request_basic_auth(&request, &user, &password) == OK)
        assert(user.len + password.len < rest.len);
    char *room = malloc(rest.len + 1);
    if (target_parse(rest, name, room, &target, &fault) == OK)
        assert(target.path.len > 0 && target.path.ptr[0] == '/');
    free(room);
    struct conditions conditions = {.is_get = true, .range = rest, .accept_encoding = name};
    answer_choose(page, &conditions, &answer);
    assert(answer.status != 206 || (answer.body.len > 0 && answer.from + answer.body.len <= 10));
    conditions = (struct conditions){
        .is_get = true, .if_none_match = rest, .if_match = name, .if_modified_since = rest};
    answer_choose(page, &conditions, &answer);
    arena_release(&arena);
    return 0;
}
