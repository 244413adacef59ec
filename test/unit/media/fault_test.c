/* What the framer does when memory is out: the n-th calloc() of this program fails. */
#include "media_test.h"

static int calloc_in; /* 0 = none fails */

void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes)
{
    if (calloc_in > 0 && --calloc_in == 0)
        return NULL;
    return __real_calloc(count, bytes);
}

static void a_framer_without_memory_is_not_made_and_leaks_nothing(void **state)
{
    (void)state;
    static const int needed[] = {1, 1, 2}; /* Ogg has a second piece */
    for (int container = CONTAINER_MPEG; container <= CONTAINER_OGG; container++) {
        struct framer *framer;
        for (int n = 1; n <= needed[container]; n++) {
            framer = (struct framer *)&calloc_in; /* to be set to NULL */
            calloc_in = n;
            assert_int_equal(framer_new((enum container)container, &framer), E_NOMEM);
            assert_null(framer);
        }
        calloc_in = needed[container] + 1;
        assert_int_equal(framer_new((enum container)container, &framer), OK);
        calloc_in = 0;
        framer_free(&framer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_framer_without_memory_is_not_made_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
