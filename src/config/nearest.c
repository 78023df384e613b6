#include "keys.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

/* Longer words are compared by their beginning. */
#define LONGEST_WORD 64

static int least(int a, int b) { return a < b ? a : b; }

static size_t length_of(const char *word) { return strnlen(word, LONGEST_WORD); }

static bool same(char a, char b) { return tolower((unsigned char)a) == tolower((unsigned char)b); }

/* Edit distance with swaps of neighbours as one edit (optimal string alignment). */
static int edit_distance(const char *a, const char *b) {
  int rows[3][LONGEST_WORD + 1];
  size_t a_length = length_of(a), b_length = length_of(b);
  for (size_t j = 0; j <= b_length; j++) rows[0][j] = (int)j;
  for (size_t i = 1; i <= a_length; i++) {
    int *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
    row[0] = (int)i;
    for (size_t j = 1; j <= b_length; j++) {
      row[j] = least(above[j - 1] + !same(a[i - 1], b[j - 1]), least(above[j], row[j - 1]) + 1);
      if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
        row[j] = least(row[j], two_above[j - 2] + 1);
    }
  }
  return rows[a_length % 3][b_length];
}

/* An abbreviation is as near as one slip of the finger. */
static int distance_to_word(const char *word, const char *candidate) {
  size_t length = strlen(word);
  if (length >= 2 && strncmp(word, candidate, length) == 0) return 1;
  return edit_distance(word, candidate);
}

const char *ae_nearest_word(const char *word, const char *const *words) {
  const char *nearest = NULL;
  int best = 2 + (int)length_of(word) / 3;
  for (int i = 0; words[i] != NULL; i++) {
    int distance = distance_to_word(word, words[i]);
    if (distance < best) best = distance, nearest = words[i];
  }
  return nearest;
}

static const char *last_word(const char *name) {
  const char *dot = strrchr(name, '.');
  return dot == NULL ? name : dot + 1;
}

const char *ae_nearest_key(const ae_config *config, const char *name) {
  const char *nearest = "";
  int best = INT_MAX;
  for (int i = 0; i < config->count; i++) {
    const char *known = config->values[i].key->name;
    int distance = least(edit_distance(name, known), 1 + distance_to_word(last_word(name), last_word(known)));
    if (distance < best) best = distance, nearest = known;
  }
  return nearest;
}
