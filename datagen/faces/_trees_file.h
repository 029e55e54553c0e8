/* The landmark model, and how it is read from dlib's file. There a whole number is a byte with size and sign and then
 * so many bytes, the lowest first; a float is two whole numbers, mantissa and exponent of two; a list is its length and
 * then what is in it.
 */
#ifndef UNMASK_TREES_FILE_H
#define UNMASK_TREES_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    POINTS = 68,
    COORDS = 2 * POINTS, /* x0, y0, x1, y1, ... where the face's box is 0 to 1 */
    STAGES = 15,         /* each looks at pixels placed by the points of the one before */
    TREES = 500,         /* of a stage */
    NODES = 15,          /* node i has the children 2 i + 1, which is taken above the threshold, and 2 i + 2 */
    LEAVES = 16,
    PIXELS = 500,        /* that a stage looks at */
};

typedef struct {
    uint16_t first[NODES], second[NODES];
    int16_t threshold[NODES]; /* pixels differ by whole levels: rounded down it compares the same */
    uint16_t unused[3];
} Splits;

typedef struct {
    float leaves[TREES][LEAVES][COORDS];
    Splits splits[TREES];
    float dx[PIXELS], dy[PIXELS]; /* of a pixel from its point, in the mean shape */
    uint16_t anchor[PIXELS];
} Stage;

typedef struct {
    float shape[COORDS]; /* the mean */
    Stage stages[STAGES];
} Model;

typedef struct {
    const unsigned char *at, *end;
    int bad;
} Reader;

static int64_t read_number(Reader *from)
{
    if (from->bad || from->at >= from->end) return from->bad = 1, 0;
    const unsigned control = *from->at++, size = control & 15u;
    if (size > 8 || from->end - from->at < (ptrdiff_t)size) return from->bad = 1, 0;
    uint64_t value = 0;
    for (unsigned i = 0; i < size; ++i) value |= (uint64_t)from->at[i] << (8 * i);
    from->at += size;
    return control & 128u ? -(int64_t)value : (int64_t)value;
}

static float read_float(Reader *from)
{
    const int64_t mantissa = read_number(from), exponent = read_number(from);
    if (exponent < -300 || exponent > 300) return from->bad = 1, 0.0f; /* infinity and nan are written so */
    const uint64_t bits = (uint64_t)(exponent + 1023) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return (float)((double)mantissa * power);
}

static void expect(Reader *from, int64_t number)
{
    if (read_number(from) != number) from->bad = 1;
}

static unsigned read_below(Reader *from, unsigned limit)
{
    const int64_t number = read_number(from);
    if (number < 0 || number >= (int64_t)limit) return from->bad = 1, 0;
    return (unsigned)number;
}

static int16_t read_threshold(Reader *from)
{
    const float value = read_float(from);
    if (value >= 256.0f) return 256;
    if (!(value > -256.0f)) return -256;
    const int whole = (int)value;
    return (int16_t)((float)whole > value ? whole - 1 : whole);
}

static void read_shape(Reader *from, float *shape)
{
    expect(from, -COORDS); /* rows and columns: negative in files of this version */
    expect(from, -1);
    for (int i = 0; i < COORDS; ++i) shape[i] = read_float(from);
}

static void read_tree(Reader *from, Splits *splits, float leaves[LEAVES][COORDS])
{
    expect(from, NODES);
    for (int i = 0; i < NODES; ++i) {
        splits->first[i] = (uint16_t)read_below(from, PIXELS);
        splits->second[i] = (uint16_t)read_below(from, PIXELS);
        splits->threshold[i] = read_threshold(from);
    }
    memset(splits->unused, 0, sizeof splits->unused);
    expect(from, LEAVES);
    for (int i = 0; i < LEAVES && !from->bad; ++i) read_shape(from, leaves[i]);
}

static void read_model(Reader *from, Model *model)
{
    expect(from, 1); /* version */
    read_shape(from, model->shape);
    expect(from, STAGES);
    for (int s = 0; s < STAGES; ++s) {
        Stage *stage = &model->stages[s];
        expect(from, TREES);
        for (int t = 0; t < TREES && !from->bad; ++t) read_tree(from, &stage->splits[t], stage->leaves[t]);
    }
    expect(from, STAGES);
    for (int s = 0; s < STAGES; ++s) {
        expect(from, PIXELS);
        for (int i = 0; i < PIXELS; ++i) model->stages[s].anchor[i] = (uint16_t)read_below(from, POINTS);
    }
    expect(from, STAGES);
    for (int s = 0; s < STAGES; ++s) {
        expect(from, PIXELS);
        for (int i = 0; i < PIXELS; ++i) {
            model->stages[s].dx[i] = read_float(from);
            model->stages[s].dy[i] = read_float(from);
        }
    }
    if (from->at != from->end) from->bad = 1;
}

#endif
