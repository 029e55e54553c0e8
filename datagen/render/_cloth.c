/* The cloth of one mask, texel by texel: folds, and what the light will find of colour, slopes and coverage.
 *
 * fabric.py and folds.py wrap these functions, own the arrays and document them.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../common/_views.h"
#include "../common/_wide.h"

static inline float least(float a, float b) { return a < b ? a : b; }
static inline float most(float a, float b) { return a > b ? a : b; }

/* exp of what is at most 0, without a call, so that loops over it become vectors; relative error about 1e-7. */
static inline float exp_below(float x)
{
    const float shift = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer, kept in the low bits */
    x = most(x, -80.0f);
    const float turned = x * 1.44269504f + shift, k = turned - shift;
    const float r = (x - k * 0.693359375f) + k * 2.12194440e-4f;
    float p = 1.0f / 5040.0f;
    p = p * r + 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    uint32_t bits;
    memcpy(&bits, &turned, sizeof bits);
    bits = (bits + 127u) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

enum { CREASE_NUMBERS = 7, MOST_COLS = 4096 };

/* Creases start at (x, y), run along (dx, dy), are this broad, reach this far and rise this high. */
WIDE static void add_crease(float *height, int rows, int cols, const float *x, const float *y, const float *crease)
{
    const float dx = crease[2], dy = crease[3], broad = crease[4], reach = crease[5], rise = crease[6];
    for (int r = 0; r < rows; ++r) {
        const float down = y[r] - crease[1];
        for (int c = 0; c < cols; ++c) {
            const float right = x[c] - crease[0];
            const float along = right * dx + down * dy, across = down * dx - right * dy;
            const float ahead = most(along, 0.0f), width = broad * (1.0f + ahead * 0.5f);
            const float off = across / width, fade = 1.0f + ahead / reach;
            const float depth = exp_below(off * off * -0.5f) / (fade * fade) * rise;
            height[(Py_ssize_t)r * cols + c] += along > -0.05f ? depth : 0.0f;
        }
    }
}

/* Gaussians apart along x and y, with |x| against a distance from the centre line. */
WIDE static void add_hump(float *height, int rows, int cols, const float *x, const float *y, const float *hump)
{
    const float aside = hump[0], reach_x = hump[1], middle = hump[2], reach_y = hump[3], rise = hump[4];
    for (int r = 0; r < rows; ++r) {
        const float down = (y[r] - middle) / reach_y, share = exp_below(down * down * -0.5f) * rise;
        for (int c = 0; c < cols; ++c) {
            const float out = (fabsf(x[c]) - aside) / reach_x;
            height[(Py_ssize_t)r * cols + c] += exp_below(out * out * -0.5f) * share;
        }
    }
}

static PyObject *fold_height(PyObject *self, PyObject *args)
{
    Views v = {.count = 5};
    Py_buffer *x = &v.view[0], *y = &v.view[1], *creases = &v.view[2], *humps = &v.view[3], *out = &v.view[4];
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*y*y*w*", x, y, creases, humps, out)) return NULL;
    const Py_ssize_t f = (Py_ssize_t)sizeof(float);
    const int rows = (int)(y->len / f), cols = (int)(x->len / f);
    const int fits = out->len == (Py_ssize_t)rows * cols * f && creases->len % (CREASE_NUMBERS * f) == 0
                  && humps->len % (5 * f) == 0;
    if (fits) {
        memset(out->buf, 0, (size_t)out->len);
        for (Py_ssize_t at = 0; at < creases->len / f; at += CREASE_NUMBERS)
            add_crease(out->buf, rows, cols, x->buf, y->buf, (const float *)creases->buf + at);
        for (Py_ssize_t at = 0; at < humps->len / f; at += 5)
            add_hump(out->buf, rows, cols, x->buf, y->buf, (const float *)humps->buf + at);
    }
    return finish(&v, fits, Py_NewRef(Py_None));
}

/* A relief: slopes along u and v, light lost, and coverage (0 in what is laid over the cloth). Four channels at once. */
enum { RELIEF = 4 };
typedef float Relief __attribute__((vector_size(16), aligned(4)));

/* Slopes by central differences, one-sided at the borders, and the light lost in hollows. */
static PyObject *slopes(PyObject *self, PyObject *args)
{
    Views v = {.count = 3};
    Py_buffer *height = &v.view[0], *around = &v.view[1], *out = &v.view[2];
    int rows, cols;
    float step_u, step_v, strength, low, high;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*w*iifffff", height, around, out, &rows, &cols, &step_u, &step_v, &strength, &low,
                          &high))
        return NULL;
    const Py_ssize_t f = (Py_ssize_t)sizeof(float), count = (Py_ssize_t)rows * cols;
    const int fits = rows >= 2 && cols >= 2 && height->len == count * f && around->len == count * f
                  && out->len == RELIEF * count * f;
    if (fits) {
        const float *h = height->buf, *soft = around->buf;
        float *o = out->buf;
        Py_BEGIN_ALLOW_THREADS
        for (int r = 0; r < rows; ++r) {
            const Py_ssize_t up = r > 0 ? cols : 0, down = r + 1 < rows ? cols : 0;
            const float by_v = r > 0 && r + 1 < rows ? 2.0f : 1.0f;
            for (int c = 0; c < cols; ++c, o += RELIEF) {
                const Py_ssize_t i = (Py_ssize_t)r * cols + c, left = c > 0, right = c + 1 < cols;
                o[0] = (h[i + right] - h[i - left]) / (left && right ? 2.0f : 1.0f) / step_u;
                o[1] = (h[i + down] - h[i - up]) / by_v / step_v;
                o[2] = least(most((soft[i] - h[i]) * strength, low), high);
                o[3] = 0.0f;
            }
        }
        Py_END_ALLOW_THREADS
    }
    return finish(&v, fits, Py_NewRef(Py_None));
}

/* A relief on a raster of its own, laid over the texels. */
typedef struct {
    const float *values;
    Py_ssize_t stride; /* floats in a row */
    int rows, cols;
    float weight;
} Field;

/* Where a texel's middle lies on a field's raster, clamped to it: between which two, and how far. */
typedef struct {
    int first, second;
    float share;
} Place;

static Place place(int i, int count, int field_count)
{
    const float at = ((float)i + 0.5f) * ((float)field_count / (float)count) - 0.5f;
    const float inside = least(most(at, 0.0f), (float)(field_count - 1));
    const int first = (int)inside;
    return (Place){first, first + 1 < field_count ? first + 1 : first, inside - (float)first};
}

/* Add a row of a field, enlarged, to the relief of a row of texels; line is scratch. */
static void add_field(const Field *field, Place down, const Place *across, int cols, Relief *line, float *texels)
{
    const float *upper = field->values + down.first * field->stride, *lower = field->values + down.second * field->stride;
    const float fy = down.share, weight = field->weight;
    for (int i = 0; i < field->cols; ++i)
        line[i] = (*(const Relief *)(upper + RELIEF * i) * (1.0f - fy) + *(const Relief *)(lower + RELIEF * i) * fy) * weight;
    for (int c = 0; c < cols; ++c) {
        const float fx = across[c].share;
        *(Relief *)(texels + 8 * c + 4) += line[across[c].first] * (1.0f - fx) + line[across[c].second] * fx;
    }
}

/* What colours a cloth; what is not there is NULL. Planes hold a value for each texel. */
typedef struct {
    const float *reflectance; /* three planes */
    const float *dyes;        /* red, green and blue of the cloth, of a print's second and of its third colour */
    const float *share, *third, *gain;
    const float *grain; /* of threads: rows of grain_stride */
    const float *trim, *trim_rgb;
    Py_ssize_t grain_stride;
    float strength;
} Dye;

WIDE static void mix_line(float *line, const float *share, float towards, int cols)
{
    for (int c = 0; c < cols; ++c) line[c] = line[c] + share[c] * (towards - line[c]);
}

/* One channel of a row of cloth: dyed and printed, with the grain of its threads, and the parts of another colour. */
WIDE static void colour_line(const Dye *dye, int channel, Py_ssize_t first, Py_ssize_t plane, int row, int cols, float *line)
{
    const float *own = dye->reflectance + channel * plane + first;
    for (int c = 0; c < cols; ++c) line[c] = dye->dyes != NULL ? dye->dyes[channel] : 1.0f;
    if (dye->dyes != NULL && dye->share != NULL) mix_line(line, dye->share + first, dye->dyes[3 + channel], cols);
    if (dye->dyes != NULL && dye->third != NULL) mix_line(line, dye->third + first, dye->dyes[6 + channel], cols);
    for (int c = 0; c < cols; ++c) line[c] *= own[c];
    if (dye->grain != NULL) {
        const float *grain = dye->grain + row * dye->grain_stride, strength = dye->strength;
        for (int c = 0; c < cols; ++c) line[c] *= 1.0f + strength * grain[c];
    }
    if (dye->gain != NULL)
        for (int c = 0; c < cols; ++c) line[c] *= dye->gain[first + c];
    if (dye->trim != NULL) {
        const float *trim = dye->trim + first, *colour = dye->trim_rgb + channel * plane + first;
        for (int c = 0; c < cols; ++c) line[c] = line[c] + trim[c] * (colour[c] - line[c]);
    }
}

/* A line of each channel and of a field, and the places of all columns. */
typedef struct {
    float colour[3][MOST_COLS];
    Relief line[MOST_COLS];
    Place across[2][MOST_COLS];
} Scratch;

/* own: the template's relief, with the coverage. */
static void weave_rows(const Dye *dye, const float *opacity, const Field *own, const Field *fields, int field_count,
                       int rows, int cols, Scratch *scratch, float *texels)
{
    const Py_ssize_t plane = (Py_ssize_t)rows * cols;
    const Relief pleat = {own->weight, own->weight, own->weight, 1.0f};
    for (int i = 0; i < field_count; ++i)
        for (int c = 0; c < cols; ++c) scratch->across[i][c] = place(c, cols, fields[i].cols);
    for (int r = 0; r < rows; ++r) {
        const Py_ssize_t at = (Py_ssize_t)r * cols;
        float *row = texels + at * 8;
        for (int k = 0; k < 3; ++k) colour_line(dye, k, at, plane, r, cols, scratch->colour[k]);
        for (int c = 0; c < cols; ++c) {
            const float opaque = opacity[at + c];
            for (int k = 0; k < 3; ++k) row[8 * c + k] = scratch->colour[k][c] * opaque;
            row[8 * c + 3] = opaque;
            *(Relief *)(row + 8 * c + 4) = *(const Relief *)(own->values + (at + c) * RELIEF) * pleat;
        }
        for (int i = 0; i < field_count; ++i)
            add_field(fields + i, place(r, rows, fields[i].rows), scratch->across[i], cols, scratch->line, row);
    }
}

static int fits_field(const Py_buffer *view, Field *field, Py_ssize_t offset)
{
    const Py_ssize_t floats = view->len / (Py_ssize_t)sizeof(float);
    field->values = (const float *)view->buf + offset;
    return field->rows >= 1 && field->cols >= 1 && field->cols <= MOST_COLS && offset >= 0
        && offset + (field->rows - 1) * field->stride + RELIEF * (Py_ssize_t)field->cols <= floats;
}

/* The values of a buffer of so many floats; NULL of an empty one; what fits becomes 0 where it has another size. */
static const float *optional(const Py_buffer *view, Py_ssize_t count, int *fits)
{
    if (view->len == 0) return NULL;
    *fits = *fits && view->len == count * (Py_ssize_t)sizeof(float);
    return view->buf;
}

enum { BUFFERS = 13 };

static PyObject *weave(PyObject *self, PyObject *args)
{
    Views v = {.count = BUFFERS};
    int rows, cols, top, left, grain_top, grain_left;
    Field own, fields[2];
    Dye dye;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*w*y*y*y*y*y*y*y*iif(ii)(iiniif)(niif)", &v.view[0], &v.view[1], &v.view[2], &v.view[3], &v.view[4], &v.view[5],
                          &v.view[6], &v.view[7], &v.view[8], &v.view[9], &v.view[10], &v.view[11], &v.view[12], &rows, &cols, &own.weight, &fields[0].rows,
                          &fields[0].cols, &fields[1].rows, &fields[1].cols, &fields[1].stride, &top, &left,
                          &fields[1].weight, &dye.grain_stride, &grain_top, &grain_left, &dye.strength))
        return NULL;
    const Py_ssize_t f = (Py_ssize_t)sizeof(float), count = (Py_ssize_t)rows * cols;
    fields[0].weight = 1.0f;
    fields[0].stride = RELIEF * (Py_ssize_t)fields[0].cols;
    fields[1].stride *= RELIEF;
    own.values = v.view[2].buf;
    int fits = rows >= 1 && cols >= 1 && cols <= MOST_COLS && v.view[0].len == 3 * count * f && v.view[1].len == count * f
            && v.view[2].len == RELIEF * count * f && v.view[5].len == 8 * count * f && fits_field(&v.view[3], &fields[0], 0)
            && fits_field(&v.view[4], &fields[1], top * fields[1].stride + RELIEF * (Py_ssize_t)left);
    dye.reflectance = v.view[0].buf;
    dye.dyes = optional(&v.view[6], 9, &fits);
    dye.share = optional(&v.view[7], count, &fits);
    dye.third = optional(&v.view[8], count, &fits);
    dye.gain = optional(&v.view[9], count, &fits);
    dye.trim = optional(&v.view[10], count, &fits);
    dye.trim_rgb = optional(&v.view[11], 3 * count, &fits);
    const Py_ssize_t first = grain_top * dye.grain_stride + grain_left, grains = v.view[12].len / f;
    dye.grain = grains > 0 && dye.strength != 0.0f ? (const float *)v.view[12].buf + first : NULL;
    fits = fits && (dye.trim == NULL) == (dye.trim_rgb == NULL)
        && (dye.grain == NULL || (first >= 0 && first + (rows - 1) * dye.grain_stride + cols <= grains));
    Scratch *scratch = fits ? malloc(sizeof(Scratch)) : NULL;
    if (scratch != NULL) {
        const int used = fields[1].weight != 0.0f ? 2 : 1;
        Py_BEGIN_ALLOW_THREADS
        weave_rows(&dye, v.view[1].buf, &own, fields, used, rows, cols, scratch, v.view[5].buf);
        Py_END_ALLOW_THREADS
        free(scratch);
    } else if (fits) {
        PyErr_NoMemory();
    }
    return finish(&v, fits, Py_NewRef(Py_None));
}

static PyMethodDef methods[] = {
    {"fold_height", fold_height, METH_VARARGS, "fold_height(x, y, creases, humps, out)"},
    {"slopes", slopes, METH_VARARGS, "slopes(height, around, out, rows, cols, step_u, step_v, strength, low, high)"},
    {"weave", weave, METH_VARARGS,
     "weave(reflectance, opacity, relief, folds, wrinkles, texels, dyes, share, third, gain, trim, trim_rgb, grain, rows, "
     "cols, pleat, (fold_rows, fold_cols), (rows, cols, tile_cols, top, left, strength), (tile_cols, top, left, strength))"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_cloth", "The cloth of one mask, texel by texel.", -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__cloth(void) { return PyModule_Create(&module); }
