/* Comparison of the ranks' copies of the parameters, by hashes of their bytes.
 *
 * It finds what memory, network or a bug changed in one copy since its owner sent it: each step the owner of a slice
 * sends it out anew (comm/exchange.h), so a damaged copy lasts one step, and what it did to that step's gradient stays.
 * Not found: what has one copy only (the owner's slice while it is updated, the state of the optimizer), and values
 * that the ranks of a node share in memory, where all see the same flipped bit: whoever verifies exchanges by
 * messages (AE_EXCHANGE_MESSAGES). */
#ifndef MPIAE_TRAIN_VERIFY_H
#define MPIAE_TRAIN_VERIFY_H

#include "mpiae/comm/comm.h"
#include "mpiae/graph/params.h"

/* Collective; the values must be whole on every rank (ae_exchange_settle). AE_INTERNAL: names the first parameter that
 * differs and the ranks whose bytes are not those of most (when that is undecided: not those of the lowest such rank).
 */
ae_status ae_verify_parameters(const ae_comm *comm, const ae_params *params);

/* Local. 64 bits of `count` bytes: a change within one aligned group of eight bytes always changes them. */
uint64_t ae_verify_hash(const void *bytes, int64_t count);

#endif
