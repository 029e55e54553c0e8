/* Arguments that are buffers: their sizes are checked before anything is read, and they are released together. */
#ifndef UNMASK_VIEWS_H
#define UNMASK_VIEWS_H

#include <Python.h>

enum { MOST_VIEWS = 16 };

typedef struct {
    Py_buffer view[MOST_VIEWS];
    int count;
} Views;

static inline int floats(const Views *v, int which, Py_ssize_t count)
{
    return v->view[which].len == count * (Py_ssize_t)sizeof(float);
}

static inline int doubles(const Views *v, int which, Py_ssize_t count)
{
    return v->view[which].len == count * (Py_ssize_t)sizeof(double);
}

/* The end of a function: its result where the buffers fit, else a ValueError; NULL where there is an error already. */
static inline PyObject *finish(Views *v, int fits, PyObject *result)
{
    for (int i = 0; i < v->count; ++i) PyBuffer_Release(&v->view[i]);
    if (fits && !PyErr_Occurred()) return result;
    Py_XDECREF(result);
    if (!fits) PyErr_SetString(PyExc_ValueError, "buffer sizes do not match the stated shapes");
    return NULL;
}

#endif
