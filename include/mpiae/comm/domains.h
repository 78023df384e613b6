/* Shared-memory domains: ranks that share memory. Ranks are numbered node by node (comm.h), so a domain is a contiguous
 * range of them, and of their shards. What is exchanged between domains goes between one rank of each: for the results
 * of a rank elsewhere its lane speaks. Plain data; Local functions, so that tests can play any layout. */
#ifndef MPIAE_COMM_DOMAINS_H
#define MPIAE_COMM_DOMAINS_H

#include "mpiae/base/status.h"

typedef struct ae_domains {
  int count;  /* of domains */
  int own;    /* that of this rank */
  int *first; /* count + 1: domain d is ranks first[d] … first[d+1]−1 */
} ae_domains;

/* leader[r]: the lowest rank of rank r's domain, for each of `ranks` ranks, of which this is `rank`. Errors:
 * AE_INTERNAL without memory, or when a domain is no contiguous range. */
ae_status ae_domains_create(const int *leader, int ranks, int rank, ae_domains *out);
void ae_domains_free(ae_domains *domains);

int ae_domains_size(const ae_domains *domains, int domain); /* ranks of it */

/* The domain of a rank. */
int ae_domains_find(const ae_domains *domains, int rank);

/* The lane of `rank` in a domain: the rank there that adds up what its domain gives to `rank`, and takes what comes
 * from it. Ranks are dealt to lanes evenly, in order; in its own domain a rank is its own lane. */
int ae_domains_lane(const ae_domains *domains, int domain, int rank);

#endif
