/* Messages to people. Rank 0 alone speaks: the others set AE_LOG_SILENT. Everything goes to standard error, so
 * that standard output carries results only; run.log receives a copy once a run directory exists. Any thread may
 * speak; levels are set before there are several. */
#ifndef MPIAE_BASE_LOG_H
#define MPIAE_BASE_LOG_H

#include <stdio.h>

typedef enum ae_log_level { AE_LOG_SILENT, AE_LOG_QUIET, AE_LOG_NORMAL, AE_LOG_VERBOSE } ae_log_level;

void ae_log_set_level(ae_log_level level);

/* A further stream that receives every line (run.log), or NULL. Not owned. */
void ae_log_set_copy(FILE *stream);

/* Lines for level ≥ AE_LOG_NORMAL, AE_LOG_VERBOSE, AE_LOG_QUIET; the copy gets all. A newline is added. */
void ae_log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void ae_log_detail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void ae_log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The like of AE_LOG_QUIET, for the error that ends the program before it can be handed up to main. */
void ae_log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line that replaces itself on a terminal (progress); to no copy. An empty text ends it. */
void ae_log_redraw(const char *text);

/* Whether standard error is a terminal that redraws. */
int ae_log_is_terminal(void);

#endif
