#include "mpiae/graph/plan.h"

#include "mpiae/base/memory.h"

#include <stdlib.h>

typedef struct buffer {
  int64_t floats, offset;
  ae_plan_life life;
  int number;
} buffer;

struct ae_plan {
  int count;
  buffer *buffer, **by_size;
};

ae_status ae_plan_create(int most, ae_plan **out) {
  ae_plan *plan;
  AE_RETURN_IF(AE_NEW(plan, 1));
  *out = plan;
  AE_RETURN_IF(AE_NEW(plan->buffer, most));
  return AE_NEW(plan->by_size, most);
}

void ae_plan_destroy(ae_plan **plan) {
  if (*plan == NULL) return;
  AE_FREE((*plan)->buffer);
  AE_FREE((*plan)->by_size);
  AE_FREE(*plan);
}

void ae_plan_add(ae_plan *plan, int64_t floats, ae_plan_life life) {
  buffer *added = &plan->buffer[plan->count];
  *added = (buffer){floats, 0, life, plan->count};
  plan->by_size[plan->count++] = added;
}

static int larger_first(const void *a, const void *b) {
  const buffer *left = *(buffer *const *)a, *right = *(buffer *const *)b;
  if (left->floats != right->floats) return left->floats < right->floats ? 1 : -1;
  return left->number - right->number;
}

static bool conflicts(const buffer *a, const buffer *b) {
  return a->life.birth <= b->life.death && b->life.birth <= a->life.death && a->offset < b->offset + b->floats &&
         b->offset < a->offset + a->floats;
}

/* The lowest place for a buffer beside those placed before it. */
static void place(const ae_plan *plan, int rank) {
  buffer *next = plan->by_size[rank];
  next->offset = 0;
  for (int i = 0; i < rank; i++)
    if (conflicts(next, plan->by_size[i])) {
      next->offset = plan->by_size[i]->offset + plan->by_size[i]->floats;
      i = -1; /* a higher place may meet buffers passed before */
    }
}

int64_t ae_plan_solve(ae_plan *plan) {
  int64_t size = 0;
  qsort(plan->by_size, (size_t)plan->count, sizeof *plan->by_size, larger_first);
  for (int rank = 0; rank < plan->count; rank++) {
    place(plan, rank);
    const int64_t end = plan->by_size[rank]->offset + plan->by_size[rank]->floats;
    if (end > size) size = end;
  }
  return size;
}

int64_t ae_plan_offset(const ae_plan *plan, int number) { return plan->buffer[number].offset; }
