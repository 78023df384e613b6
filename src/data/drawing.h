/* A glyph as a person draws it: strokes through points of the unit square, y downwards. */
#ifndef MPIAE_SRC_DATA_DRAWING_H
#define MPIAE_SRC_DATA_DRAWING_H

#include <stdbool.h>

#define AE_DRAWING_STROKES 3
#define AE_DRAWING_POINTS 11

typedef struct ae_point {
  float x, y;
} ae_point;

typedef struct ae_stroke {
  bool smooth; /* a curve through the points, or straight lines */
  int count;
  ae_point point[AE_DRAWING_POINTS];
} ae_stroke;

typedef struct ae_drawing {
  int count;
  ae_stroke stroke[AE_DRAWING_STROKES];
} ae_drawing;

/* One of the ways to write a digit 0 … 9; style is any number ≥ 0. */
const ae_drawing *ae_drawing_digit(int digit, int style);

#endif
