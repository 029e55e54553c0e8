/* The layers of a mask, pixel by pixel: soften, cut, blend over the picture, and note what touched it.
 *
 * A layer has five channels: linear red, green and blue multiplied by opacity, opacity, coverage. pixels.py wraps these
 * functions, owns the arrays and documents them.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>

#include "../common/_views.h"

enum { LAYER = 5 };

/* unlike fminf and fmaxf these need no call: nothing here is not a number */
static inline float least(float a, float b) { return a < b ? a : b; }
static inline float most(float a, float b) { return a > b ? a : b; }

static inline void scale_layer(float *pixel, float share)
{
    for (int i = 0; i < LAYER; ++i) pixel[i] *= share;
}

/* Soften the outline inwards: where the blurred coverage is lower, it replaces the coverage. */
static PyObject *soften(PyObject *self, PyObject *args)
{
    Views v = {.count = 2};
    (void)self;
    if (!PyArg_ParseTuple(args, "w*y*", &v.view[0], &v.view[1])) return NULL;
    const Py_ssize_t count = v.view[1].len / (Py_ssize_t)sizeof(float);
    const int fits = floats(&v, 0, LAYER * count);
    if (fits) {
        float *pixel = v.view[0].buf;
        const float *soft = v.view[1].buf;
        for (Py_ssize_t i = 0; i < count; ++i, pixel += LAYER)
            if (pixel[4] > 0.0f) scale_layer(pixel, least(1.0f, soft[i] / most(pixel[4], 1e-4f)));
    }
    return finish(&v, fits, Py_NewRef(Py_None));
}

/* Take away what lies behind something: a layer and a strap times 1 - matte. */
static PyObject *hide(PyObject *self, PyObject *args)
{
    Views v = {.count = 3};
    (void)self;
    if (!PyArg_ParseTuple(args, "w*w*y*", &v.view[0], &v.view[1], &v.view[2])) return NULL;
    const Py_ssize_t count = v.view[2].len / (Py_ssize_t)sizeof(float);
    const int fits = floats(&v, 0, LAYER * count) && floats(&v, 1, count);
    if (fits) {
        float *pixel = v.view[0].buf, *strap = v.view[1].buf;
        const float *matte = v.view[2].buf;
        for (Py_ssize_t i = 0; i < count; ++i, pixel += LAYER) {
            if (matte[i] == 0.0f) continue;
            scale_layer(pixel, 1.0f - matte[i]);
            strap[i] *= 1.0f - matte[i];
        }
    }
    return finish(&v, fits, Py_NewRef(Py_None));
}

/* body: the layer's coverage; it and the strap are 0 below a limit, and at most 1; cover: the larger of both. */
static PyObject *cut_alphas(PyObject *self, PyObject *args)
{
    Views v = {.count = 4};
    float limit;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*w*w*w*f", &v.view[0], &v.view[1], &v.view[2], &v.view[3], &limit)) return NULL;
    const Py_ssize_t count = v.view[1].len / (Py_ssize_t)sizeof(float);
    const int fits = floats(&v, 0, LAYER * count) && floats(&v, 2, count) && floats(&v, 3, count);
    if (fits) {
        const float *layer = v.view[0].buf;
        float *strap = v.view[1].buf, *body = v.view[2].buf, *cover = v.view[3].buf;
        for (Py_ssize_t i = 0; i < count; ++i) {
            const float share = layer[LAYER * i + 4];
            body[i] = share < limit ? 0.0f : least(share, 1.0f);
            strap[i] = strap[i] < limit ? 0.0f : least(strap[i], 1.0f);
            cover[i] = most(body[i], strap[i]);
        }
    }
    return finish(&v, fits, Py_NewRef(Py_None));
}

/* The blurred cover becomes a shadow's strength, on the face only. */
static PyObject *fall_on(PyObject *self, PyObject *args)
{
    Views v = {.count = 2};
    float strength, limit;
    (void)self;
    if (!PyArg_ParseTuple(args, "w*y*ff", &v.view[0], &v.view[1], &strength, &limit)) return NULL;
    const Py_ssize_t count = v.view[1].len;
    const int fits = floats(&v, 0, count);
    if (fits) {
        float *shadow = v.view[0].buf;
        const unsigned char *face = v.view[1].buf;
        for (Py_ssize_t i = 0; i < count; ++i) {
            const float dark = shadow[i] * ((float)face[i] / 255.0f) * strength;
            shadow[i] = dark < limit ? 0.0f : dark;
        }
    }
    return finish(&v, fits, Py_NewRef(Py_None));
}

/* A window of a picture of a given width: its first row and column, its height and width. */
typedef struct {
    int width, top, left, h, w;
} Window;

static int fits_window(const Window *win, const Py_buffer *picture)
{
    return win->h >= 1 && win->w >= 1 && win->top >= 0 && win->left >= 0 && win->left + win->w <= win->width
        && picture->len >= 3 * (Py_ssize_t)win->width * (win->top + win->h);
}

static unsigned char *row_of(const Window *win, const Py_buffer *picture, int y)
{
    return (unsigned char *)picture->buf + 3 * ((Py_ssize_t)(win->top + y) * win->width + win->left);
}

/* below + alpha * (above - below), kept inside the interval of the two whatever the rounding does */
static inline float mix(float below, float above, float alpha)
{
    const float mixed = below * (1.0f - alpha) + above * alpha; /* monotone in both, rounding included */
    return least(most(mixed, least(below, above)), most(below, above));
}

/* Shadow, strap and body of a mask; tables from levels to what is blended, and back. */
typedef struct {
    const float *shadow, *strap, *body, *layer, *grain, *decode;
    const unsigned char *encode;
    float strap_rgb[3], shadow_rgb[3], noise;
} Stack;

static void blend_row(const Stack *s, Py_ssize_t first, int w, unsigned char *at)
{
    for (Py_ssize_t p = first; p < first + w; ++p, at += 3) {
        const float shade = s->shadow[p], band = s->strap[p], cover = s->body[p];
        if (!(shade > 0.0f || band > 0.0f || cover > 0.0f)) continue;
        const float *colour = s->layer + LAYER * p;
        const float unmultiply = 1.0f / most(colour[3], 1e-4f), opacity = least(colour[3], cover);
        const float speck = s->grain[p] * s->noise;
        for (int i = 0; i < 3; ++i) {
            float light = s->decode[at[i]] * (1.0f - shade * s->shadow_rgb[i]);
            light = mix(light, s->strap_rgb[i], band);
            light = mix(light, least(most(colour[i] * unmultiply + speck, 0.0f), 1.0f), opacity);
            at[i] = s->encode[(int)(least(most(light, 0.0f), 1.0f) * 65535.0f + 0.5f)];
        }
    }
}

static PyObject *blend_layers(PyObject *self, PyObject *args)
{
    Views v = {.count = 8};
    Window win;
    Stack s;
    (void)self;
    if (!PyArg_ParseTuple(args, "w*y*y*y*y*y*y*y*(iiiii)(fff)(fff)f", &v.view[0], &v.view[1], &v.view[2], &v.view[3],
                          &v.view[4], &v.view[5], &v.view[6], &v.view[7], &win.width, &win.top, &win.left, &win.h, &win.w,
                          &s.strap_rgb[0], &s.strap_rgb[1], &s.strap_rgb[2], &s.shadow_rgb[0], &s.shadow_rgb[1],
                          &s.shadow_rgb[2], &s.noise))
        return NULL;
    const Py_ssize_t count = (Py_ssize_t)win.h * win.w;
    const int fits = fits_window(&win, &v.view[0]) && floats(&v, 1, count) && floats(&v, 2, count) && floats(&v, 3, count)
                  && floats(&v, 4, LAYER * count) && floats(&v, 5, count) && floats(&v, 6, 256) && v.view[7].len == 65536;
    if (fits) {
        s.shadow = v.view[1].buf;
        s.strap = v.view[2].buf;
        s.body = v.view[3].buf;
        s.layer = v.view[4].buf;
        s.grain = v.view[5].buf;
        s.decode = v.view[6].buf;
        s.encode = v.view[7].buf;
        Py_BEGIN_ALLOW_THREADS
        for (int y = 0; y < win.h; ++y) blend_row(&s, (Py_ssize_t)y * win.w, win.w, row_of(&win, &v.view[0], y));
        Py_END_ALLOW_THREADS
    }
    return finish(&v, fits, Py_NewRef(Py_None));
}

/* Note in a picture of three channels where body, strap and shadow are: rounded, rounded, and rounded up. */
static PyObject *mark_layers(PyObject *self, PyObject *args)
{
    Views v = {.count = 4};
    Window win;
    (void)self;
    if (!PyArg_ParseTuple(args, "w*y*y*y*(iiiii)", &v.view[0], &v.view[1], &v.view[2], &v.view[3], &win.width, &win.top,
                          &win.left, &win.h, &win.w))
        return NULL;
    const Py_ssize_t count = (Py_ssize_t)win.h * win.w;
    const int fits = fits_window(&win, &v.view[0]) && floats(&v, 1, count) && floats(&v, 2, count) && floats(&v, 3, count);
    if (fits) {
        const float *body = v.view[1].buf, *strap = v.view[2].buf, *shadow = v.view[3].buf;
        for (int y = 0; y < win.h; ++y) {
            unsigned char *at = row_of(&win, &v.view[0], y);
            for (int x = 0; x < win.w; ++x, at += 3, ++body, ++strap, ++shadow) {
                const unsigned char levels[3] = {(unsigned char)(*body * 255.0f + 0.5f), (unsigned char)(*strap * 255.0f + 0.5f),
                                                 (unsigned char)ceilf(*shadow * 255.0f)};
                for (int i = 0; i < 3; ++i) at[i] = at[i] > levels[i] ? at[i] : levels[i];
            }
        }
    }
    return finish(&v, fits, Py_NewRef(Py_None));
}

/* Add a picture's change, in linear light, to a layer's colour wherever the layer is. */
static PyObject *add_change(PyObject *self, PyObject *args)
{
    Views v = {.count = 4};
    (void)self;
    if (!PyArg_ParseTuple(args, "w*y*y*y*", &v.view[0], &v.view[1], &v.view[2], &v.view[3])) return NULL;
    const Py_ssize_t count = v.view[1].len / 3;
    const int fits = v.view[2].len == v.view[1].len && floats(&v, 0, LAYER * count) && floats(&v, 3, 256);
    if (fits) {
        float *at = v.view[0].buf;
        const unsigned char *was = v.view[1].buf, *is = v.view[2].buf;
        const float *linear = v.view[3].buf;
        for (Py_ssize_t p = 0; p < count; ++p, at += LAYER, was += 3, is += 3) {
            if (at[3] <= 0.0f) continue;
            for (int i = 0; i < 3; ++i) at[i] = most(at[i] + (linear[is[i]] - linear[was[i]]) * at[3], 0.0f);
        }
    }
    return finish(&v, fits, Py_NewRef(Py_None));
}

static PyMethodDef methods[] = {
    {"soften", soften, METH_VARARGS, "soften(layer, blurred_coverage): in place."},
    {"hide", hide, METH_VARARGS, "hide(layer, strap, matte): in place."},
    {"cut_alphas", cut_alphas, METH_VARARGS, "cut_alphas(layer, strap, body, cover, limit): strap in place, two outputs."},
    {"fall_on", fall_on, METH_VARARGS, "fall_on(shadow, face, strength, limit): in place."},
    {"blend_layers", blend_layers, METH_VARARGS,
     "blend_layers(image, shadow, strap, body, layer, grain, decode, encode, window, strap_rgb, shadow_rgb, noise)"},
    {"mark_layers", mark_layers, METH_VARARGS, "mark_layers(layers, body, strap, shadow, window): the larger of both stays."},
    {"add_change", add_change, METH_VARARGS, "add_change(layer, before, after, decode): in place."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_layers", "The layers of a mask, pixel by pixel.", -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__layers(void) { return PyModule_Create(&module); }
