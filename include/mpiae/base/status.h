/* Status codes and the error that travels with them.
 *
 * Every function that can meet the outside world (files, HDF5, MPI, memory, configuration) returns
 * an ae_status: AE_OK, or an error object that carries a code, a sentence for the user and the place
 * in the source where it arose. Whoever receives an error passes it up or clears it; only `main`
 * prints. Our own bugs are not errors but assertions (AE_ASSERT).
 */
#ifndef MPIAE_BASE_STATUS_H
#define MPIAE_BASE_STATUS_H

#include <stdbool.h>
#include <stddef.h>

/* One row per class of failure: name, exit status of the program, meaning. */
#define AE_CODE_TABLE(X)                                                                                               \
  X(AE_DONE, 0, "done")                                                                                                \
  X(AE_INTERNAL, 1, "internal fault")                                                                                  \
  X(AE_USAGE, 2, "usage or configuration")                                                                             \
  X(AE_DATA, 3, "a file or its data")                                                                                  \
  X(AE_DIVERGED, 4, "training diverged")                                                                               \
  X(AE_STOPPED, 75, "stopped early, saved: run again with --resume")

#define AE_CODE_ENUM(name, exit_status, meaning) name = exit_status,
typedef enum ae_code { AE_CODE_TABLE(AE_CODE_ENUM) } ae_code;
#undef AE_CODE_ENUM

/* NULL when all went well; otherwise owned by the receiver. */
typedef struct ae_error *ae_status;
#define AE_OK ((ae_status)0)

/* Longest message kept, bytes with the terminating zero. */
#define AE_MESSAGE_SIZE 1024

/* Makes an error. The sentence says what is wrong, where (file, line, key, dataset, rank) and what to
 * do; no trailing newline. Never returns AE_OK: without memory it returns a constant error that says so. */
ae_status ae_error_create(ae_code code, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts "prefix: " before the sentence of an error; AE_OK stays AE_OK. */
ae_status ae_error_prefix(ae_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Local. In a text that may be somebody's, which is to stand on a line of ours: control characters, which may command a
 * terminal, and bytes that are no UTF-8 become '?', and ends of lines and tabs blanks. Of errors and of the log this is done. */
void ae_make_printable(char *text, size_t length);

/* Marks an error as one of the moment, not of what was asked for: a disk that did not read now may do so again. */
ae_status ae_error_mark_passing(ae_status status);
bool ae_error_is_passing(ae_status status);

/* Readers lend; all accept AE_OK (AE_DONE, "", "", 0). */
ae_code ae_error_code(ae_status status);
const char *ae_error_message(ae_status status);
const char *ae_error_file(ae_status status);
int ae_error_line(ae_status status);

/* Frees an error and sets it to AE_OK. */
void ae_error_clear(ae_status *status);

/* For functions with `ae_status status = AE_OK;` and a label `cleanup:`. */
#define AE_CHECK(call)                                                                                                 \
  do {                                                                                                                 \
    status = (call);                                                                                                   \
    if (status != AE_OK) goto cleanup;                                                                                 \
  } while (0)
#define AE_RAISE(code, ...)                                                                                            \
  do {                                                                                                                 \
    status = ae_error_create((code), __FILE__, __LINE__, __VA_ARGS__);                                                 \
    goto cleanup;                                                                                                      \
  } while (0)

/* For functions that have nothing to clean up. */
#define AE_FAIL(code, ...) ae_error_create((code), __FILE__, __LINE__, __VA_ARGS__)
#define AE_RETURN_IF(call)                                                                                             \
  do {                                                                                                                 \
    ae_status ae_status_of_call = (call);                                                                              \
    if (ae_status_of_call != AE_OK) return ae_status_of_call;                                                          \
  } while (0)

/* Keeps the first of two errors: for cleanup code that can fail too. Clears the other. */
ae_status ae_error_first(ae_status first, ae_status second);

/* A bug of ours: says what and where, then aborts. Compiled out with NDEBUG. */
void ae_assert_failed(const char *what, const char *file, int line) __attribute__((noreturn));
#ifdef NDEBUG
#define AE_ASSERT(condition) ((void)(false && (condition)))
#else
#define AE_ASSERT(condition) ((condition) ? (void)0 : ae_assert_failed(#condition, __FILE__, __LINE__))
#endif

#endif
