/* Inside child.c and the small tasks that look at the child itself. */
#ifndef MEDIA_CHILD_PRIV_H
#define MEDIA_CHILD_PRIV_H

#include "media/child.h"

/* SANDBOX_N layers as they were closed. */
const struct media_sandbox_layer *child_sandbox_layers(void);

#ifdef RUSHES_FAULTS
/* Misbehaves as asked: what a child that was taken over would try. Test builds only. */
extern const struct child_task task_hostile;
#endif

#endif
