/* The mask's body, pixel by pixel: rasterise a vertex grid and light the fabric on it.
 *
 * numpy needs a pass over memory and a call for every operation; here each pixel is visited once. Pixel centres
 * lie at integer coordinates. pixels.py wraps these functions, owns the arrays and documents them.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdlib.h>

#include "../common/_views.h"
#include "../common/_wide.h"

/* unlike fminf and fmaxf these need no call: nothing here is not a number */
static inline float least(float a, float b) { return a < b ? a : b; }
static inline float most(float a, float b) { return a > b ? a : b; }
static inline double smaller(double a, double b) { return a < b ? a : b; }
static inline double larger(double a, double b) { return a > b ? a : b; }

enum { MOST_VALUES = 8 };
typedef double Values __attribute__((vector_size(MOST_VALUES * sizeof(double))));

typedef struct {
    const float *xyz;   /* rows * cols * 3: x, y in pixels, z towards the camera */
    const float *attr;  /* rows * cols * k */
    float *out;         /* (end - first) * w * k */
    float *depth;       /* (end - first) * w, -inf where nothing is drawn */
    int rows, cols, k;
    int first, end, w;  /* rows of the target from first to before end */
} Target;

/* A weight's step along a row, and one by it; 0 where it hardly changes. */
typedef struct {
    double step, inverse;
} Slope;

static inline Slope slope(double step) { return (Slope){step, fabs(step) > 1e-12 ? 1.0 / step : 0.0}; }

/* Narrow a row's span to where start + x * step can be 0 or more, with a pixel to spare on both sides. */
static inline void narrow(double start, const Slope *s, double *from, double *to)
{
    if (s->inverse > 0.0) *from = larger(*from, -start * s->inverse - 1.0);
    else if (s->inverse < 0.0) *to = smaller(*to, -start * s->inverse + 1.0);
}

WIDE static void draw_triangle(const Target *t, Py_ssize_t ia, Py_ssize_t ib, Py_ssize_t ic)
{
    const float *a = t->xyz + 3 * ia, *b = t->xyz + 3 * ib, *c = t->xyz + 3 * ic;
    const double area = ((double)b[0] - a[0]) * ((double)c[1] - a[1])
                      - ((double)c[0] - a[0]) * ((double)b[1] - a[1]);
    if (!(area > 1e-9)) return; /* turned away, degenerate or not a number */

    const float left = least(a[0], least(b[0], c[0])), right = most(a[0], most(b[0], c[0]));
    const float top = least(a[1], least(b[1], c[1])), bottom = most(a[1], most(b[1], c[1]));
    if (right < 0.0f || bottom < (float)t->first || left > (float)(t->w - 1) || top > (float)(t->end - 1)) return;
    const int x0 = left > 0.0f ? (int)ceilf(left) : 0;
    const int y0 = top > (float)t->first ? (int)ceilf(top) : t->first;
    const int x1 = right < (float)(t->w - 1) ? (int)floorf(right) : t->w - 1;
    const int y1 = bottom < (float)(t->end - 1) ? (int)floorf(bottom) : t->end - 1;

    const double inv = 1.0 / area;
    /* barycentric weights are affine in x: a start for each row and a step */
    const double step_b = ((double)c[1] - a[1]) * inv, step_c = ((double)a[1] - b[1]) * inv;
    Values first, to_b, to_c;
    for (int i = 0; i < MOST_VALUES; ++i) {
        const int used = i < t->k;
        first[i] = used ? (double)t->attr[t->k * ia + i] : 0.0;
        to_b[i] = used ? t->attr[t->k * ib + i] - first[i] : 0.0;
        to_c[i] = used ? t->attr[t->k * ic + i] - first[i] : 0.0;
    }
    const Slope slope_a = slope(-step_b - step_c), slope_b = slope(step_b), slope_c = slope(step_c);
    const double rise_b = (double)b[2] - a[2], rise_c = (double)c[2] - a[2];
    for (int y = y0; y <= y1; ++y) {
        const double row_b = -((double)c[0] - a[0]) * (y - (double)a[1]) * inv - a[0] * step_b;
        const double row_c = ((double)b[0] - a[0]) * (y - (double)a[1]) * inv - a[0] * step_c;
        double from = x0, to = x1;
        narrow(row_b, &slope_b, &from, &to);
        narrow(row_c, &slope_c, &from, &to);
        narrow(1.0 - row_b - row_c, &slope_a, &from, &to);
        if (!(from <= to)) continue;
        const int last = (int)to;
        for (int x = (int)from; x <= last; ++x) {
            const double wb = row_b + x * step_b, wc = row_c + x * step_c;
            /* the small negative bound closes the seam between neighbours */
            if (1.0 - wb - wc < -1e-6 || wb < -1e-6 || wc < -1e-6) continue;
            const float z = (float)(a[2] + wb * rise_b + wc * rise_c);
            const Py_ssize_t p = (Py_ssize_t)(y - t->first) * t->w + x;
            if (z <= t->depth[p]) continue;
            t->depth[p] = z;
            const Values mixed = first + wb * to_b + wc * to_c;
            for (int i = 0; i < t->k; ++i) t->out[p * t->k + i] = (float)mixed[i];
        }
    }
}

/* Whether anything between two rows of vertices lies in the rows of the target. */
static int reaches(const Target *t, int r)
{
    const float *y = t->xyz + 3 * (Py_ssize_t)r * t->cols + 1;
    float top = INFINITY, bottom = -INFINITY;
    for (int i = 0; i < 2 * t->cols; ++i) {
        top = least(top, y[3 * i]);
        bottom = most(bottom, y[3 * i]);
    }
    return bottom >= (float)t->first && top <= (float)(t->end - 1);
}

static void draw_grid(const Target *t)
{
    const Py_ssize_t pixels = (Py_ssize_t)(t->end - t->first) * t->w;
    for (Py_ssize_t p = 0; p < pixels; ++p) t->depth[p] = -INFINITY;
    for (int r = 0; r + 1 < t->rows; ++r) {
        if (!reaches(t, r)) continue;
        for (int c = 0; c + 1 < t->cols; ++c) {
            const Py_ssize_t i = (Py_ssize_t)r * t->cols + c;
            draw_triangle(t, i, i + 1, i + t->cols + 1);
            draw_triangle(t, i, i + t->cols + 1, i + t->cols);
        }
    }
}

static PyObject *rasterize_grid(PyObject *self, PyObject *args)
{
    Views v = {.count = 4};
    Py_buffer *xyz = &v.view[0], *attr = &v.view[1], *out = &v.view[2], *depth = &v.view[3];
    int rows, cols, k, h, w;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*w*w*iiiii", xyz, attr, out, depth, &rows, &cols, &k, &h, &w))
        return NULL;
    const Py_ssize_t vertices = (Py_ssize_t)rows * cols, pixels = (Py_ssize_t)h * w;
    const Py_ssize_t f = (Py_ssize_t)sizeof(float);
    const int fits = rows >= 2 && cols >= 2 && k >= 1 && k <= MOST_VALUES && h >= 1 && w >= 1
                  && xyz->len == vertices * 3 * f && attr->len == vertices * k * f
                  && out->len == pixels * k * f && depth->len == pixels * f;
    if (fits) {
        const Target t = {xyz->buf, attr->buf, out->buf, depth->buf, rows, cols, k, 0, h, w};
        Py_BEGIN_ALLOW_THREADS
        draw_grid(&t);
        Py_END_ALLOW_THREADS
    }
    return finish(&v, fits, Py_NewRef(Py_None));
}

/* Texels have eight channels, so that one place in memory gives all: linear red, green and blue multiplied by
 * opacity, opacity; slopes along u and v, share of light lost, coverage. */
enum { CHANNELS = 8 };
/* GCC's and Clang's vectors: the compilers take the channels apart otherwise, and do each alone. */
typedef float Texel __attribute__((vector_size(32), aligned(4)));
typedef float Colour __attribute__((vector_size(16), aligned(4)));

typedef struct {
    float ambient, strength, low, high;
    Colour gain; /* of red, green and blue, and 1 for opacity */
} Light;

/* One fine pixel: values are u, v and the light along normal, u tangent and v tangent. Coordinates are clamped to
 * the fabric. */
static inline void add_lit(const float *values, const float *texels, int fh, int fw, const Light *light, Colour *sum,
                           float *cover)
{
    const float x = least(most(values[0], 0.0f), (float)(fw - 1)), y = least(most(values[1], 0.0f), (float)(fh - 1));
    const int x0 = (int)x, y0 = (int)y;
    const Py_ssize_t right = x0 + 1 < fw ? CHANNELS : 0, below = y0 + 1 < fh ? (Py_ssize_t)fw * CHANNELS : 0;
    const float fx = x - (float)x0, fy = y - (float)y0;
    const float wa = (1.0f - fx) * (1.0f - fy), wb = fx * (1.0f - fy), wc = (1.0f - fx) * fy, wd = fx * fy;
    const float *a = texels + ((Py_ssize_t)y0 * fw + x0) * CHANNELS, *c = a + below;
    const Texel texel = wa * *(const Texel *)a + wb * *(const Texel *)(a + right) + wc * *(const Texel *)c
                      + wd * *(const Texel *)(c + right);
    if (texel[7] <= 0.0f) return;
    /* First-order light is linear in the normal, so the relief's tilt needs no vectors. */
    const float tilt = sqrtf(1.0f + texel[4] * texel[4] + texel[5] * texel[5]);
    const float lit = (values[2] - texel[4] * values[3] - texel[5] * values[4]) / tilt;
    const float shade = 1.0f + light->strength * (lit + light->ambient - 1.0f);
    const float gain = least(most(shade, light->low), light->high) * (1.0f - texel[6]);
    const Colour colour = {texel[0], texel[1], texel[2], texel[3]}, gains = {gain, gain, gain, 1.0f};
    *sum += colour * gains * light->gain;
    *cover += texel[7];
}

WIDE static void shade_pixels(const float *value, const float *near, const float *texels, float *out, Py_ssize_t stride,
                              int h, int w, int fine, int fh, int fw, const Light *light)
{
    const float share = 1.0f / (float)(fine * fine);
    for (int y = 0; y < h; ++y) {
        float *pixel = out + y * stride;
        for (int x = 0; x < w; ++x, pixel += 5) {
            Colour sum = {0.0f, 0.0f, 0.0f, 0.0f};
            float cover = 0.0f;
            for (int dy = 0; dy < fine; ++dy) {
                Py_ssize_t p = ((Py_ssize_t)y * fine + dy) * w * fine + (Py_ssize_t)x * fine;
                for (int dx = 0; dx < fine; ++dx, ++p)
                    if (near[p] > -INFINITY) add_lit(value + 5 * p, texels, fh, fw, light, &sum, &cover);
            }
            for (int i = 0; i < 4; ++i) pixel[i] = sum[i] * share;
            pixel[4] = cover * share;
        }
    }
}

static PyObject *shade_fabric(PyObject *self, PyObject *args)
{
    Views v = {.count = 4};
    Py_buffer *values = &v.view[0], *depth = &v.view[1], *texels = &v.view[2], *out = &v.view[3];
    int h, w, fine, fh, fw;
    float gain[3];
    Light light;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*y*w*iiiiifffffff", values, depth, texels, out, &h, &w, &fine, &fh, &fw,
                          &light.ambient, &light.strength, &light.low, &light.high, &gain[0], &gain[1], &gain[2]))
        return NULL;
    light.gain = (Colour){gain[0], gain[1], gain[2], 1.0f};
    const Py_ssize_t f = (Py_ssize_t)sizeof(float), pixels = (Py_ssize_t)h * w;
    const Py_ssize_t samples = pixels * fine * fine;
    const int fits = h >= 1 && w >= 1 && fine >= 1 && fh >= 1 && fw >= 1 && values->len == samples * 5 * f
                  && depth->len == samples * f && texels->len == (Py_ssize_t)fh * fw * CHANNELS * f
                  && out->len == pixels * 5 * f;
    if (fits) {
        Py_BEGIN_ALLOW_THREADS
        shade_pixels(values->buf, depth->buf, texels->buf, out->buf, 5 * (Py_ssize_t)w, h, w, fine, fh, fw, &light);
        Py_END_ALLOW_THREADS
    }
    return finish(&v, fits, Py_NewRef(Py_None));
}

/* A mesh drawn and lit, a few rows of the picture at a time: what lies between the two steps stays in the cache. */
enum { STRIP_ROWS = 16 };

static PyObject *draw_cloth(PyObject *self, PyObject *args)
{
    Views v = {.count = 4};
    Py_buffer *xyz = &v.view[0], *attr = &v.view[1], *texels = &v.view[2], *out = &v.view[3];
    int rows, cols, h, w, fine, fh, fw, top, left, out_h, out_w;
    float gain[3];
    Light light;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*y*w*ii(iiiiiii)iifffffff", xyz, attr, texels, out, &rows, &cols, &top, &left, &h,
                          &w, &fine, &out_h, &out_w, &fh, &fw, &light.ambient, &light.strength, &light.low, &light.high,
                          &gain[0], &gain[1], &gain[2]))
        return NULL;
    light.gain = (Colour){gain[0], gain[1], gain[2], 1.0f};
    const Py_ssize_t f = (Py_ssize_t)sizeof(float), vertices = (Py_ssize_t)rows * cols;
    const int fits = rows >= 2 && cols >= 2 && h >= 1 && w >= 1 && fine >= 1 && fh >= 1 && fw >= 1 && top >= 0 && left >= 0
                  && top + h <= out_h && left + w <= out_w && xyz->len == vertices * 3 * f && attr->len == vertices * 5 * f
                  && texels->len == (Py_ssize_t)fh * fw * CHANNELS * f && out->len == (Py_ssize_t)out_h * out_w * 5 * f;
    const size_t samples = fits ? (size_t)STRIP_ROWS * fine * w * fine : 0;
    float *scratch = fits ? malloc(samples * 6 * sizeof(float)) : NULL;
    if (scratch != NULL) {
        Py_BEGIN_ALLOW_THREADS
        for (int y = 0; y < h; y += STRIP_ROWS) {
            const int end = y + STRIP_ROWS < h ? y + STRIP_ROWS : h;
            const Target t = {xyz->buf, attr->buf, scratch, scratch + 5 * samples, rows, cols, 5, y * fine, end * fine, w * fine};
            draw_grid(&t);
            float *strip = (float *)out->buf + 5 * ((Py_ssize_t)(top + y) * out_w + left);
            shade_pixels(t.out, t.depth, texels->buf, strip, 5 * (Py_ssize_t)out_w, end - y, w, fine, fh, fw, &light);
        }
        Py_END_ALLOW_THREADS
        free(scratch);
    } else if (fits) {
        PyErr_NoMemory();
    }
    return finish(&v, fits, Py_NewRef(Py_None));
}

static PyMethodDef methods[] = {
    {"rasterize_grid", rasterize_grid, METH_VARARGS,
     "rasterize_grid(xyz, attr, out, depth, rows, cols, k, h, w): draw a vertex grid into out and depth."},
    {"shade_fabric", shade_fabric, METH_VARARGS,
     "shade_fabric(values, depth, texels, out, h, w, fine, fabric_h, fabric_w, ambient, strength, low, "
     "high, red, green, blue): light the fabric and average fine samples into out."},
    {"draw_cloth", draw_cloth, METH_VARARGS,
     "draw_cloth(xyz, attr, texels, out, rows, cols, (top, left, h, w, fine, out_h, out_w), fabric_h, fabric_w, ambient, "
     "strength, low, high, red, green, blue): rasterise and light a mesh into a window of out."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_pixels", "Per-pixel loops of the mask renderer.", -1, methods,
    NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__pixels(void) { return PyModule_Create(&module); }
