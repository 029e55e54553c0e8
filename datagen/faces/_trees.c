/* An ensemble of regression trees that moves 68 points onto a face (Kazemi and Sullivan, One millisecond face alignment
 * with an ensemble of regression trees, CVPR 2014), for many faces at once: 65 MB of leaves go past them, a tree stays in
 * the cache for all faces, and a tree's fifteen comparisons are made for all faces side by side.
 *
 * Sums are single precision in the order of the trees, so the points are those that dlib finds with the same file.
 * predictor.py wraps these functions and owns the arrays.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#include "../common/_wide.h"
#include "_trees_file.h"

#if defined(__GNUC__)
#define PREFETCH(place) __builtin_prefetch(place)
#else
#define PREFETCH(place) ((void)(place))
#endif

enum {
    ROWS = 512,   /* at least PIXELS, a power of two: masked indices never leave the array */
    MOST = 64,    /* faces at once */
    LANES = 16,   /* faces are padded to a multiple */
    TOGETHER = 4, /* trees whose leaves are added in one pass over a face's points */
};

typedef struct {
    const unsigned char *gray;
    int h, w;
    double low, side; /* of the face's box, x and y alike */
} Crop;

/* What a chunk of faces needs on its way through the stages. */
typedef struct {
    float shape[MOST][COORDS];
    int16_t pixels[ROWS][MOST];
    unsigned char leaf[TREES][MOST];
    int32_t place[2][PIXELS]; /* of a face's pixels in its crop, -1 where outside: this one's and the next one's */
} Work;

/* The turn and scale, without a mirror, that takes the mean shape closest to this one (least squares): the float
 * matrix [[turn[0], -turn[1]], [turn[1], turn[0]]]. */
static void similarity(const float *mean, const float *shape, float turn[2])
{
    double from_x = 0, from_y = 0, to_x = 0, to_y = 0, spread = 0, along = 0, across = 0;
    for (int i = 0; i < COORDS; i += 2) {
        from_x += mean[i], from_y += mean[i + 1];
        to_x += shape[i], to_y += shape[i + 1];
    }
    from_x /= POINTS, from_y /= POINTS, to_x /= POINTS, to_y /= POINTS;
    for (int i = 0; i < COORDS; i += 2) {
        const double x = mean[i] - from_x, y = mean[i + 1] - from_y, u = shape[i] - to_x, v = shape[i + 1] - to_y;
        spread += x * x + y * y;
        along += x * u + y * v;
        across += x * v - y * u;
    }
    turn[0] = (float)(along / spread);
    turn[1] = (float)(across / spread);
}

/* Coordinates as the nearest of `size` pixels, halves up; -1 for what lies outside, and for nan. */
WIDE static void nearest_pixels(const float *at, const Crop *crop, int size, int32_t *px)
{
    const double low = crop->low + 0.5, side = crop->side, most = size;
    for (int i = 0; i < PIXELS; ++i) {
        const double value = side * (double)at[i] + low;
        px[i] = (value >= 0.0) & (value < most) ? (int32_t)value : -1;
    }
}

WIDE static void place_pixels(const Stage *stage, const float *mean, const float *shape, const Crop *crop, int32_t *place)
{
    float turn[2], x[PIXELS], y[PIXELS];
    int32_t x_px[PIXELS], y_px[PIXELS];
    similarity(mean, shape, turn);
    for (int i = 0; i < PIXELS; ++i) {
        const int anchor = stage->anchor[i] < POINTS ? stage->anchor[i] : 0;
        x[i] = shape[2 * anchor];
        y[i] = shape[2 * anchor + 1];
    }
    for (int i = 0; i < PIXELS; ++i) {
        const float dx = stage->dx[i], dy = stage->dy[i];
        x[i] += turn[0] * dx - turn[1] * dy;
        y[i] += turn[1] * dx + turn[0] * dy;
    }
    nearest_pixels(x, crop, crop->w, x_px);
    nearest_pixels(y, crop, crop->h, y_px);
    for (int i = 0; i < PIXELS; ++i) place[i] = (y_px[i] | x_px[i]) < 0 ? -1 : y_px[i] * crop->w + x_px[i];
}

/* A face's pixels are fetched while the places of the next face's are worked out: crops do not fit a cache. */
static void read_pixels(const Stage *stage, const float *mean, const Crop *crops, int count, Work *work)
{
    for (int face = 0; face <= count; ++face) {
        if (face < count) {
            int32_t *place = work->place[face & 1];
            place_pixels(stage, mean, work->shape[face], &crops[face], place);
            for (int i = 0; i < PIXELS; ++i) PREFETCH(crops[face].gray + (place[i] < 0 ? 0 : place[i]));
        }
        if (face > 0) {
            const unsigned char *gray = crops[face - 1].gray;
            const int32_t *place = work->place[(face - 1) & 1];
            for (int i = 0; i < PIXELS; ++i) work->pixels[i][face - 1] = place[i] < 0 ? 0 : gray[place[i]];
        }
    }
}

/* Every comparison of a tree, then the way through it: what a face does not meet costs less than not knowing where it
 * goes. `right` of node 2 i + 1 and 2 i + 2 is looked at according to that of node i. */
WIDE static void find_leaves(const Splits *splits, int lanes, Work *work)
{
    for (int tree = 0; tree < TREES; ++tree) {
        for (int from = 0; from < lanes; from += LANES) {
            int16_t right[NODES][LANES];
            for (int node = 0; node < NODES; ++node) {
                const int16_t *first = work->pixels[splits[tree].first[node] & (ROWS - 1)] + from;
                const int16_t *second = work->pixels[splits[tree].second[node] & (ROWS - 1)] + from;
                const int16_t threshold = splits[tree].threshold[node];
                for (int i = 0; i < LANES; ++i) right[node][i] = (int16_t)-((int16_t)(first[i] - second[i]) <= threshold);
            }
            unsigned char *leaf = work->leaf[tree] + from;
            for (int i = 0; i < LANES; ++i) {
                const int16_t top = right[0][i];
                const int16_t second = (int16_t)((right[2][i] & top) | (right[1][i] & ~top));
                const int16_t a = (int16_t)((right[5][i] & top) | (right[3][i] & ~top));
                const int16_t b = (int16_t)((right[6][i] & top) | (right[4][i] & ~top));
                const int16_t third = (int16_t)((b & second) | (a & ~second));
                const int16_t c = (int16_t)((right[11][i] & top) | (right[7][i] & ~top));
                const int16_t d = (int16_t)((right[12][i] & top) | (right[8][i] & ~top));
                const int16_t e = (int16_t)((right[13][i] & top) | (right[9][i] & ~top));
                const int16_t f = (int16_t)((right[14][i] & top) | (right[10][i] & ~top));
                const int16_t cd = (int16_t)((d & third) | (c & ~third)), ef = (int16_t)((f & third) | (e & ~third));
                const int16_t fourth = (int16_t)((ef & second) | (cd & ~second));
                leaf[i] = (unsigned char)((top & 8) | (second & 4) | (third & 2) | (fourth & 1));
            }
        }
    }
}

WIDE static void add_leaves(const Stage *stage, int count, Work *work)
{
    for (int tree = 0; tree < TREES; tree += TOGETHER) {
        for (int face = 0; face < count; ++face) {
            const float *a = stage->leaves[tree][work->leaf[tree][face]];
            const float *b = stage->leaves[tree + 1][work->leaf[tree + 1][face]];
            const float *c = stage->leaves[tree + 2][work->leaf[tree + 2][face]];
            const float *d = stage->leaves[tree + 3][work->leaf[tree + 3][face]];
            float *shape = work->shape[face];
            if (tree + TOGETHER < TREES) {
                const int some = count >= MOST / 2 ? 1 : TOGETHER;
                for (int k = 0; k < some; ++k) {
                    const int next = tree + TOGETHER + (some == 1 ? face / LEAVES % TOGETHER : k);
                    const float *leaf = stage->leaves[next][some == 1 ? face % LEAVES : work->leaf[next][face]];
                    for (int i = 0; i < COORDS; i += 16) PREFETCH(leaf + i); /* a line of the cache */
                }
            }
            for (int i = 0; i < COORDS; ++i) shape[i] = (((shape[i] + a[i]) + b[i]) + c[i]) + d[i];
        }
    }
}

static void predict_chunk(const Model *model, const Crop *crops, int count, Work *work, double *out)
{
    const int lanes = (count + LANES - 1) / LANES * LANES;
    memset(work->pixels, 0, sizeof work->pixels);
    for (int face = 0; face < count; ++face) memcpy(work->shape[face], model->shape, sizeof model->shape);
    for (int s = 0; s < STAGES; ++s) {
        const Stage *stage = &model->stages[s];
        read_pixels(stage, model->shape, crops, count, work);
        find_leaves(stage->splits, lanes, work);
        add_leaves(stage, count, work);
    }
    for (int face = 0; face < count; ++face)
        for (int i = 0; i < COORDS; ++i) out[face * COORDS + i] = crops[face].side * work->shape[face][i] + crops[face].low;
}

static PyObject *unpack(PyObject *self, PyObject *args)
{
    Py_buffer file, model;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*w*", &file, &model)) return NULL;
    const int fits = model.len == (Py_ssize_t)sizeof(Model);
    const unsigned char *start = file.buf;
    Reader from = {start, start + file.len, 0};
    if (fits) {
        Py_BEGIN_ALLOW_THREADS
        read_model(&from, model.buf);
        Py_END_ALLOW_THREADS
    }
    PyBuffer_Release(&file);
    PyBuffer_Release(&model);
    if (!fits) return PyErr_Format(PyExc_ValueError, "the model takes %zd bytes", (Py_ssize_t)sizeof(Model));
    if (from.bad) return PyErr_Format(PyExc_ValueError, "not 15 stages of 500 trees for 68 points in dlib's format");
    Py_RETURN_NONE;
}

/* Take the crops of a sequence, as many as there are boxes; 0 with an error set where one is not a picture. */
static int take_crops(PyObject *sequence, const double *boxes, Py_ssize_t count, Py_buffer *views, Crop *crops)
{
    for (Py_ssize_t i = 0; i < count; ++i) {
        PyObject *item = PySequence_GetItem(sequence, i);
        if (item == NULL) return 0;
        const int failed = PyObject_GetBuffer(item, &views[i], PyBUF_ND);
        Py_DECREF(item);
        if (failed) return 0;
        const Py_buffer *view = &views[i];
        if (view->ndim != 2 || view->itemsize != 1 || view->shape[0] > 32767 || view->shape[1] > 32767) {
            PyErr_SetString(PyExc_ValueError, "a crop is a picture of bytes with at most 32767 rows and columns");
            return 0;
        }
        crops[i] = (Crop){view->buf, (int)view->shape[0], (int)view->shape[1], boxes[2 * i], boxes[2 * i + 1]};
    }
    return 1;
}

static PyObject *predict(PyObject *self, PyObject *args)
{
    Py_buffer model, boxes, out;
    PyObject *sequence;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*Oy*w*", &model, &sequence, &boxes, &out)) return NULL;
    const Py_ssize_t count = PySequence_Size(sequence);
    Py_buffer *views = count > 0 ? PyMem_Calloc((size_t)count, sizeof(Py_buffer)) : NULL;
    Crop *crops = count > 0 ? PyMem_Calloc((size_t)count, sizeof(Crop)) : NULL;
    Work *work = count > 0 ? PyMem_Malloc(sizeof(Work)) : NULL;
    if (count > 0 && (views == NULL || crops == NULL || work == NULL)) PyErr_NoMemory();
    else if (model.len != (Py_ssize_t)sizeof(Model) || boxes.len != count * 2 * (Py_ssize_t)sizeof(double)
             || out.len != count * COORDS * (Py_ssize_t)sizeof(double)) {
        if (count >= 0) PyErr_SetString(PyExc_ValueError, "arrays do not fit each other");
    } else if (take_crops(sequence, boxes.buf, count, views, crops)) {
        Py_BEGIN_ALLOW_THREADS
        for (Py_ssize_t i = 0; i < count; i += MOST)
            predict_chunk(model.buf, crops + i, (int)(count - i < MOST ? count - i : MOST), work, (double *)out.buf + i * COORDS);
        Py_END_ALLOW_THREADS
    }
    for (Py_ssize_t i = 0; views != NULL && i < count; ++i) PyBuffer_Release(&views[i]);
    PyMem_Free(work);
    PyMem_Free(crops);
    PyMem_Free(views);
    PyBuffer_Release(&model);
    PyBuffer_Release(&boxes);
    PyBuffer_Release(&out);
    if (PyErr_Occurred()) return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"unpack", unpack, METH_VARARGS, "unpack(file, model)"},
    {"predict", predict, METH_VARARGS, "predict(model, crops, boxes, out)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_trees", "An ensemble of regression trees for 68 points.", -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__trees(void)
{
    PyObject *made = PyModule_Create(&module);
    if (made != NULL && PyModule_AddIntConstant(made, "MODEL_BYTES", (long)sizeof(Model)) < 0) {
        Py_DECREF(made);
        return NULL;
    }
    return made;
}
