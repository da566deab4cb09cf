/* See fault.h. */
#include "base/fault.h"

#include <stdatomic.h>
#include <stddef.h>

static _Atomic(file_fault *) fault;

void file_set_fault(file_fault *new_fault)
{
    atomic_store(&fault, new_fault);
}

int fault_of(const char *call)
{
    file_fault *ask = atomic_load(&fault);
    return ask == NULL ? 0 : ask(call);
}

bool fault_fails(const char *call)
{
    int number = fault_of(call);
    if (number > 0)
        errno = number;
    return number > 0;
}
