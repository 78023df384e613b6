#include "mpiae/comm/domains.h"

#include "mpiae/base/memory.h"

ae_status ae_domains_create(const int *leader, int ranks, int rank, ae_domains *out) {
  *out = (ae_domains){0};
  AE_RETURN_IF(AE_NEW(out->first, ranks + 1));
  for (int i = 0; i < ranks; i++) {
    const bool begins = leader[i] == i;
    if (!begins && (i == 0 || leader[i] != leader[i - 1]))
      return AE_FAIL(AE_INTERNAL, "rank %d shares memory with rank %d, and a rank between them does not", i, leader[i]);
    if (begins) out->first[out->count++] = i;
    if (i == rank) out->own = out->count - 1;
  }
  out->first[out->count] = ranks;
  return AE_OK;
}

void ae_domains_free(ae_domains *domains) { AE_FREE(domains->first); }

int ae_domains_size(const ae_domains *domains, int domain) {
  return domains->first[domain + 1] - domains->first[domain];
}

int ae_domains_find(const ae_domains *domains, int rank) {
  int low = 0, high = domains->count;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (domains->first[middle] <= rank) low = middle;
    else high = middle;
  }
  return low;
}

int ae_domains_lane(const ae_domains *domains, int domain, int rank) {
  const int home = ae_domains_find(domains, rank);
  const int64_t place = rank - domains->first[home];
  return domains->first[domain] + (int)(place * ae_domains_size(domains, domain) / ae_domains_size(domains, home));
}
