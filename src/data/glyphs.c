/* Arithmetic is float32 and square roots alone, so that a glyph is the same bytes on every machine. */
#include "mpiae/data/glyphs.h"

#include "drawing.h"
#include "mpiae/base/philox.h"
#include "mpiae/base/status.h"

#include <math.h>

#define DIGITS 10
#define SIZE AE_GLYPH_SIZE
#define PIECES 5 /* straight pieces of a curve between two points */

/* Numbers of a stream, one after the other. */
typedef struct numbers {
  ae_stream stream;
  uint32_t next;
} numbers;

/* How one example differs from the drawing of its class. */
typedef struct writing {
  float xx, xy, yx, yy; /* linear map of the unit square about its middle, to pixels */
  float x, y;           /* where the middle lands */
  float bend_x, bend_y; /* arching of verticals and horizontals */
  float radius;         /* of the pen, pixels */
  float ink;            /* darkest value */
} writing;

static float uniform(numbers *dice, float low, float high) {
  return low + (high - low) * (float)ae_random_uniform(dice->stream, dice->next++);
}

static int below(numbers *dice, int count) { return (int)ae_random_below(dice->stream, dice->next++, count); }

/* Nearly normal: the sum of four uniform numbers, scaled to this standard deviation. */
static float spread(numbers *dice, float deviation) {
  float sum = -2.0f;
  for (int i = 0; i < 4; i++) sum += uniform(dice, 0.0f, 1.0f);
  return sum * deviation * 1.7320508f;
}

static writing choose_hand(numbers *dice) {
  const float turn = spread(dice, 0.13f), slant = 0.1f + spread(dice, 0.16f);
  const float width = uniform(dice, 15.5f, 22.0f), height = uniform(dice, 18.0f, 21.5f);
  const float cosine = 1.0f - turn * turn / 2.0f, sine = turn - turn * turn * turn / 6.0f;
  writing hand;
  hand.xx = width * cosine;
  hand.xy = height * (-sine - slant * cosine);
  hand.yx = width * sine;
  hand.yy = height * (cosine - slant * sine);
  hand.x = SIZE / 2.0f + spread(dice, 0.8f);
  hand.y = SIZE / 2.0f + spread(dice, 0.8f);
  hand.bend_x = spread(dice, 0.16f);
  hand.bend_y = spread(dice, 0.12f);
  hand.radius = uniform(dice, 0.75f, 1.55f);
  hand.ink = uniform(dice, 225.0f, 255.0f);
  return hand;
}

static ae_point place(const writing *hand, ae_point point) {
  const float x = point.x - 0.5f + hand->bend_x * (0.25f - (point.y - 0.5f) * (point.y - 0.5f));
  const float y = point.y - 0.5f + hand->bend_y * (0.25f - (point.x - 0.5f) * (point.x - 0.5f));
  return (ae_point){hand->x + hand->xx * x + hand->xy * y, hand->y + hand->yx * x + hand->yy * y};
}

/* A node of the 4 × 5 lattice that random strokes are drawn over, not the one given. */
static ae_point other_node(numbers *dice, ae_point last) {
  ae_point node;
  do {
    node.x = 0.14f + 0.24f * (float)below(dice, 4);
    node.y = 0.06f + 0.22f * (float)below(dice, 5);
  } while (node.x == last.x && node.y == last.y);
  return node;
}

/* What a class beyond the digits looks like: depends on its number alone, so that it is the same under every
 * seed. Most strokes start on an earlier one, as letters do. */
static void draw_program(int class_number, ae_drawing *drawing) {
  numbers dice = {ae_stream_of(0, AE_RANDOM_GLYPH, UINT32_MAX, class_number), 0};
  drawing->count = 2 + below(&dice, AE_DRAWING_STROKES - 1);
  for (int s = 0; s < drawing->count; s++) {
    ae_stroke *stroke = &drawing->stroke[s];
    const ae_stroke *earlier = &drawing->stroke[s > 0 ? below(&dice, s) : 0];
    const ae_point none = {-1.0f, -1.0f};
    stroke->smooth = uniform(&dice, 0.0f, 1.0f) < 0.6f;
    stroke->count = stroke->smooth ? 3 + below(&dice, 3) : 2 + below(&dice, 2);
    const bool joined = s > 0 && uniform(&dice, 0.0f, 1.0f) < 0.75f;
    stroke->point[0] = joined ? earlier->point[below(&dice, earlier->count)] : other_node(&dice, none);
    for (int i = 1; i < stroke->count; i++) stroke->point[i] = other_node(&dice, stroke->point[i - 1]);
  }
}

/* Darkens the pixels within the pen's radius of the line from a to b; the edge falls off over one pixel. */
static void draw_line(float canvas[SIZE * SIZE], ae_point a, ae_point b, float radius) {
  const float reach = radius + 0.5f, dx = b.x - a.x, dy = b.y - a.y, length = dx * dx + dy * dy;
  const int left = (int)fmaxf(0.0f, fminf(a.x, b.x) - reach), top = (int)fmaxf(0.0f, fminf(a.y, b.y) - reach);
  const int right = (int)fminf(SIZE - 1, fmaxf(a.x, b.x) + reach);
  const int bottom = (int)fminf(SIZE - 1, fmaxf(a.y, b.y) + reach);
  const float inverse = length > 0.0f ? 1.0f / length : 0.0f;
  for (int row = top; row <= bottom; row++)
    for (int column = left; column <= right; column++) {
      const float px = (float)column + 0.5f - a.x, py = (float)row + 0.5f - a.y;
      const float along = fmaxf(0.0f, fminf(1.0f, (px * dx + py * dy) * inverse));
      const float ex = px - along * dx, ey = py - along * dy, squared = ex * ex + ey * ey;
      if (squared >= reach * reach) continue;
      const float cover = fminf(1.0f, reach - sqrtf(squared));
      float *pixel = &canvas[row * SIZE + column];
      *pixel = fmaxf(*pixel, cover);
    }
}

/* Catmull–Rom: passes through b (t = 0) and c (t = 1), heading from a to c and from b to d. */
static float curve(float a, float b, float c, float d, float t) {
  return b + 0.5f * t * (c - a + t * (2.0f * a - 5.0f * b + 4.0f * c - d + t * (3.0f * (b - c) + d - a)));
}

static void draw_span(float canvas[SIZE * SIZE], const ae_point *point, int count, int i, float radius) {
  const ae_point a = point[i > 0 ? i - 1 : 0], b = point[i], c = point[i + 1], d = point[i + 2 < count ? i + 2 : i + 1];
  ae_point from = b;
  for (int piece = 1; piece <= PIECES; piece++) {
    const float t = (float)piece / PIECES;
    const ae_point to = {curve(a.x, b.x, c.x, d.x, t), curve(a.y, b.y, c.y, d.y, t)};
    draw_line(canvas, from, to, radius);
    from = to;
  }
}

static void draw_stroke(float canvas[SIZE * SIZE], const ae_stroke *stroke, const writing *hand, numbers *dice) {
  ae_point point[AE_DRAWING_POINTS];
  const float radius = hand->radius * uniform(dice, 0.9f, 1.1f);
  for (int i = 0; i < stroke->count; i++) {
    const ae_point moved = {stroke->point[i].x + spread(dice, 0.035f), stroke->point[i].y + spread(dice, 0.035f)};
    point[i] = place(hand, moved);
  }
  for (int i = 0; i + 1 < stroke->count; i++)
    if (stroke->smooth) draw_span(canvas, point, stroke->count, i, radius);
    else draw_line(canvas, point[i], point[i + 1], radius);
}

void ae_glyph_draw(uint64_t seed, int class_number, int64_t example, uint8_t image[SIZE * SIZE]) {
  float canvas[SIZE * SIZE] = {0};
  ae_drawing program;
  numbers dice = {ae_stream_of(seed, AE_RANDOM_GLYPH, (uint32_t)class_number, example), 0};
  const writing hand = choose_hand(&dice);
  const int style = below(&dice, 1 << 16);
  if (class_number >= DIGITS) draw_program(class_number, &program);
  const ae_drawing *drawing = class_number < DIGITS ? ae_drawing_digit(class_number, style) : &program;
  AE_ASSERT(class_number >= 0);
  for (int s = 0; s < drawing->count; s++) draw_stroke(canvas, &drawing->stroke[s], &hand, &dice);
  for (int i = 0; i < SIZE * SIZE; i++) image[i] = (uint8_t)(canvas[i] * hand.ink + 0.5f);
}
