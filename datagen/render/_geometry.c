/* Geometry of a mask: directions around the head, the taut skin, the mask's mesh, the camera with its residual.
 *
 * Arrays of a few hundred numbers, for which numpy spends its time in calls. Double precision; nothing here depends
 * on the processor's own way to add, so a seed gives the same mesh everywhere. face_model.py, surface.py and pose.py
 * wrap these functions, own the arrays and document them.
 */
#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include "_skin.h"
#include "../common/_views.h"

static double *at(const Views *v, int which) { return v->view[which].buf; }

static PyObject *skin_points(PyObject *self, PyObject *args)
{
    Views v = {.count = 5};
    Skin skin;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*y*y*w*iiddd(ddd)", &v.view[0], &v.view[1], &v.view[2], &v.view[3], &v.view[4],
                          &skin.rows, &skin.cols, &skin.first_azimuth, &skin.first_elevation, &skin.step,
                          &skin.centre[0], &skin.centre[1], &skin.centre[2]))
        return NULL;
    const Py_ssize_t count = v.view[0].len / (Py_ssize_t)sizeof(double);
    const int fits = skin.rows >= 2 && skin.cols >= 2 && doubles(&v, 0, count) && doubles(&v, 1, count) && doubles(&v, 2, count)
                  && doubles(&v, 3, (Py_ssize_t)skin.rows * skin.cols) && doubles(&v, 4, 3 * count);
    if (fits) {
        skin.radius = at(&v, 3);
        for (Py_ssize_t i = 0; i < count; ++i)
            skin_at(&skin, at(&v, 0)[i], at(&v, 1)[i], at(&v, 2)[i], at(&v, 4) + 3 * i);
    }
    return finish(&v, fits, Py_NewRef(Py_None));
}

/* Odd cubic through 0 and the anchors at u = 0.5 and 1; even quartic through the anchors at u = 0, 0.5 and 1. */
static double odd(const double anchor[3], double u)
{
    const double cubic = (anchor[2] - 2 * anchor[1]) / 0.75;
    return (anchor[2] - cubic) * u + cubic * (u * u * u);
}

static double even(const double anchor[3], double u)
{
    const double quartic = (anchor[2] - anchor[0] - 4 * (anchor[1] - anchor[0])) / 0.75, square = u * u;
    return anchor[0] + (anchor[2] - anchor[0] - quartic) * square + quartic * square * square;
}

/* edges: azimuths and elevations of the top edge's three anchors, then of the bottom edge's. */
static PyObject *mask_directions(PyObject *self, PyObject *args)
{
    Views v = {.count = 5};
    double shift, tilt, lowest, highest;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*y*w*w*dddd", &v.view[0], &v.view[1], &v.view[2], &v.view[3], &v.view[4], &shift,
                          &tilt, &lowest, &highest))
        return NULL;
    const Py_ssize_t count = v.view[1].len / (Py_ssize_t)sizeof(double);
    const int fits = doubles(&v, 0, 12) && doubles(&v, 1, count) && doubles(&v, 2, count) && doubles(&v, 3, count) && doubles(&v, 4, count);
    if (fits) {
        const double *edges = at(&v, 0);
        for (Py_ssize_t i = 0; i < count; ++i) {
            const double u = at(&v, 1)[i], down = at(&v, 2)[i];
            at(&v, 3)[i] = odd(edges, u) * (1 - down) + odd(edges + 6, u) * down + shift;
            const double elevation = even(edges + 3, u) * (1 - down) + even(edges + 9, u) * down;
            at(&v, 4)[i] = least(most(elevation + tilt * u, lowest), highest);
        }
    }
    return finish(&v, fits, Py_NewRef(Py_None));
}

static void unit(double *vector)
{
    const double length = sqrt(vector[0] * vector[0] + vector[1] * vector[1] + vector[2] * vector[2]);
    const double divide = most(length, 1e-9);
    for (int i = 0; i < 3; ++i) vector[i] /= divide;
}

/* Unit tangents by central differences, one-sided at the borders, and the outward normal. */
static PyObject *surface_axes(PyObject *self, PyObject *args)
{
    Views v = {.count = 4};
    int rows, cols;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*w*w*w*ii", &v.view[0], &v.view[1], &v.view[2], &v.view[3], &rows, &cols)) return NULL;
    const Py_ssize_t size = 3 * (Py_ssize_t)rows * cols;
    const int fits = rows >= 2 && cols >= 2 && doubles(&v, 0, size) && doubles(&v, 1, size) && doubles(&v, 2, size) && doubles(&v, 3, size);
    if (fits) {
        const double *points = at(&v, 0);
        for (int r = 0; r < rows; ++r) {
            for (int c = 0; c < cols; ++c) {
                const Py_ssize_t i = 3 * ((Py_ssize_t)r * cols + c);
                const double *left = points + i - (c > 0 ? 3 : 0), *right = points + i + (c + 1 < cols ? 3 : 0);
                const double *upper = points + i - (r > 0 ? 3 * cols : 0);
                const double *lower = points + i + (r + 1 < rows ? 3 * cols : 0);
                double *along = at(&v, 1) + i, *down = at(&v, 2) + i, *normal = at(&v, 3) + i;
                for (int k = 0; k < 3; ++k) {
                    along[k] = right[k] - left[k];
                    down[k] = lower[k] - upper[k];
                }
                unit(along);
                unit(down);
                for (int k = 0; k < 3; ++k) {
                    const int a = (k + 1) % 3, b = (k + 2) % 3;
                    normal[k] = down[a] * along[b] - down[b] * along[a];
                }
                unit(normal);
            }
        }
    }
    return finish(&v, fits, Py_NewRef(Py_None));
}

static int fits_camera(const Views *v, int camera, int *knot_count)
{
    *knot_count = (int)(v->view[camera + 1].len / (2 * (Py_ssize_t)sizeof(double)));
    return doubles(v, camera, 12) && *knot_count <= MOST_KNOTS && doubles(v, camera + 1, 2 * *knot_count)
        && doubles(v, camera + 2, 2 * *knot_count);
}

static PyObject *project(PyObject *self, PyObject *args)
{
    Views v = {.count = 5};
    double reach;
    int knots;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*y*y*w*d", &v.view[0], &v.view[1], &v.view[2], &v.view[3], &v.view[4], &reach))
        return NULL;
    const Py_ssize_t count = v.view[0].len / (3 * (Py_ssize_t)sizeof(double));
    const int fits = doubles(&v, 0, 3 * count) && fits_camera(&v, 1, &knots) && doubles(&v, 4, 2 * count);
    if (fits) project_all(at(&v, 0), count, at(&v, 1), at(&v, 2), at(&v, 3), knots, reach, at(&v, 4));
    return finish(&v, fits, Py_NewRef(Py_None));
}

/* Area share of the quads that face the camera in the model but are turned over on the picture. */
static double folded_share(const double *xyz, const double *normal, int rows, int cols)
{
    double total = 0.0, turned = 0.0;
    for (int r = 0; r + 1 < rows; ++r) {
        for (int c = 0; c + 1 < cols; ++c) {
            const Py_ssize_t i = 3 * ((Py_ssize_t)r * cols + c), right = i + 3, lower = i + 3 * (Py_ssize_t)cols;
            if (!(least(normal[i + 2], normal[lower + 5]) > 0.25)) continue;
            const double area = (xyz[right] - xyz[i]) * (xyz[lower + 1] - xyz[i + 1])
                              - (xyz[right + 1] - xyz[i + 1]) * (xyz[lower] - xyz[i]);
            total += fabs(area);
            if (area < 0) turned -= area;
        }
    }
    return total > 0 ? turned / total : 1.0;
}

static void turn(const double *camera, const double *from, double *to)
{
    for (int k = 0; k < 3; ++k) to[k] = from[0] * camera[3 * k] + from[1] * camera[3 * k + 1] + from[2] * camera[3 * k + 2];
}

static PyObject *place_grid(PyObject *self, PyObject *args)
{
    Views v = {.count = 11};
    double reach, folded = 0.0;
    int rows, cols, knots;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*y*y*w*w*w*w*iid", &v.view[0], &v.view[1], &v.view[2], &v.view[3], &v.view[4],
                          &v.view[5], &v.view[6], &v.view[7], &v.view[8], &v.view[9], &v.view[10], &rows, &cols, &reach))
        return NULL;
    const Py_ssize_t count = (Py_ssize_t)rows * cols;
    int fits = rows >= 2 && cols >= 2 && fits_camera(&v, 4, &knots);
    for (int i = 0; i < 11; ++i) fits = fits && ((i >= 4 && i <= 6) || doubles(&v, i, 3 * count));
    if (fits) {
        const double *camera = at(&v, 4), *points = at(&v, 0);
        double *xyz = at(&v, 7), *flat = at(&v, 8); /* the tangents' place, not yet filled */
        project_all(points, count, camera, at(&v, 5), at(&v, 6), knots, reach, flat);
        for (Py_ssize_t i = 0; i < count; ++i) {
            xyz[3 * i] = flat[2 * i];
            xyz[3 * i + 1] = flat[2 * i + 1];
            xyz[3 * i + 2] = points[3 * i] * camera[6] + points[3 * i + 1] * camera[7] + points[3 * i + 2] * camera[8];
        }
        for (int axis = 0; axis < 3; ++axis)
            for (Py_ssize_t i = 0; i < count; ++i) turn(camera, at(&v, 1 + axis) + 3 * i, at(&v, 8 + axis) + 3 * i);
        folded = folded_share(xyz, at(&v, 10), rows, cols);
    }
    return finish(&v, fits, PyFloat_FromDouble(folded));
}

/* A placed mesh as the rasteriser takes it: places in samples of a window, and for each vertex its texel and the light
 * along the normal and both tangents. */
static PyObject *light_vertices(PyObject *self, PyObject *args)
{
    Views v = {.count = 6};
    Py_buffer *mesh = v.view, *xyz = &v.view[4], *values = &v.view[5];
    double light[3], left, top;
    int rows, cols, fine, texel_rows, texel_cols;
    (void)self;
    if (!PyArg_ParseTuple(args, "y*y*y*y*w*w*ii(ddd)ddiii", &mesh[0], &mesh[1], &mesh[2], &mesh[3], xyz, values, &rows,
                          &cols, &light[0], &light[1], &light[2], &left, &top, &fine, &texel_rows, &texel_cols))
        return NULL;
    const Py_ssize_t count = (Py_ssize_t)rows * cols, d = (Py_ssize_t)sizeof(double), f = (Py_ssize_t)sizeof(float);
    int fits = rows >= 2 && cols >= 2 && xyz->len == 3 * count * f && values->len == 5 * count * f;
    for (int i = 0; i < 4; ++i) fits = fits && mesh[i].len == 3 * count * d;
    if (fits) {
        const double *place = mesh[0].buf;
        float *at = xyz->buf, *value = values->buf;
        for (int r = 0; r < rows; ++r) {
            for (int c = 0; c < cols; ++c, place += 3, at += 3, value += 5) {
                at[0] = ((float)place[0] - (float)(left - 0.5)) * (float)fine - 0.5f;
                at[1] = ((float)place[1] - (float)(top - 0.5)) * (float)fine - 0.5f;
                at[2] = (float)place[2];
                value[0] = (float)(-0.5 + (double)texel_cols * c / (cols - 1));
                value[1] = (float)(-0.5 + (double)texel_rows * r / (rows - 1));
                for (int i = 0; i < 3; ++i) {
                    const double *axis = (const double *)mesh[1 + i].buf + (place - (const double *)mesh[0].buf);
                    value[2 + i] = (float)(axis[0] * light[0] + axis[1] * light[1] + axis[2] * light[2]);
                }
            }
        }
    }
    return finish(&v, fits, Py_NewRef(Py_None));
}

static PyMethodDef methods[] = {
    {"skin_points", skin_points, METH_VARARGS,
     "skin_points(azimuth, elevation, lift, radius, out, rows, cols, first_azimuth, first_elevation, step, centre)"},
    {"mask_directions", mask_directions, METH_VARARGS,
     "mask_directions(edges, u, v, azimuth, elevation, shift, tilt, lowest, highest)"},
    {"surface_axes", surface_axes, METH_VARARGS, "surface_axes(points, along, down, normal, rows, cols)"},
    {"project", project, METH_VARARGS, "project(points, camera, knots, pull, out, reach)"},
    {"place_grid", place_grid, METH_VARARGS,
     "place_grid(points, along, down, normal, camera, knots, pull, xyz, along, down, normal, rows, cols, reach) -> folded"},
    {"light_vertices", light_vertices, METH_VARARGS,
     "light_vertices(places, normal, along, down, xyz, values, rows, cols, light, left, top, fine, texel_rows, texel_cols)"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_geometry", "Geometry of a mask on a posed face.", -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__geometry(void) { return PyModule_Create(&module); }
