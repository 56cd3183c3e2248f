/* NVIDIA's driver (libcuda), as much of it as Numba and lstmtui ask for, for a GPU that the host emulates.

Everything is done when it is asked for, in order; what a stream is recording is noted, and done when the graph is
started. Kernels come as assembly, not as machine code (`sitecustomize` sees to that), and are translated and compiled
by EMULATOR_TRANSLATE, a command that takes their path and prints that of a library. Names and numbers are those of
NVIDIA, CUDA driver API, https://docs.nvidia.com/cuda/cuda-driver-api. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "emulator.h"

enum { SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, INVALID_IMAGE = 200, NOT_FOUND = 500, NOT_SUPPORTED = 801 };
enum { UNASKED_SHARED = 48 << 10, MOST_SHARED = 227 << 10, VERSION = 13050 };

typedef int Result;
typedef void *Handle;
typedef uint64_t Address;

/* --- device and context ------------------------------------------------------------------------------------------- */

static Handle const CONTEXT = (Handle)0x11;
static __thread Handle current;

Result cuInit(unsigned flags) { return SUCCESS; }

Result cuDriverGetVersion(int *version) {
    *version = VERSION;
    return SUCCESS;
}

Result cuDeviceGetCount(int *count) {
    *count = 1;
    return SUCCESS;
}

Result cuDeviceGet(int *device, int ordinal) {
    *device = 0;
    return ordinal ? INVALID_VALUE : SUCCESS;
}

Result cuDeviceGetName(char *name, int size, int device) {
    snprintf(name, size, "Emulated GPU");
    return SUCCESS;
}

Result cuDeviceGetUuid_v2(char *uuid, int device) {
    memset(uuid, 7, 16);
    return SUCCESS;
}

Result cuDeviceTotalMem_v2(size_t *size, int device) {
    *size = memory_total();
    return SUCCESS;
}

Result cuDeviceGetAttribute(int *value, int attribute, int device) {
    static const struct { int attribute, value; } table[] = {
        {1, 1024}, {2, 1024}, {3, 1024}, {4, 64}, {5, 2147483647}, {6, 65535}, {7, 65535}, {8, UNASKED_SHARED},
        {10, 32}, {19, 1}, {39, 2048}, {41, 1}, {75, 9}, {76, 0}, {95, 1}, {97, MOST_SHARED},
    };
    *value = 0;
    if (attribute == 16) *value = multiprocessors();
    for (size_t n = 0; n < sizeof table / sizeof *table; n++)
        if (table[n].attribute == attribute) *value = table[n].value;
    return SUCCESS;
}

Result cuDevicePrimaryCtxRetain(Handle *context, int device) {
    *context = CONTEXT;
    return SUCCESS;
}

Result cuDevicePrimaryCtxRelease_v2(int device) { return SUCCESS; }

Result cuDevicePrimaryCtxReset_v2(int device) { return SUCCESS; }

Result cuCtxGetCurrent(Handle *context) {
    *context = current;
    return SUCCESS;
}

Result cuCtxSetCurrent(Handle context) {
    current = context;
    return SUCCESS;
}

Result cuCtxPushCurrent_v2(Handle context) { return cuCtxSetCurrent(context); }

Result cuCtxPopCurrent_v2(Handle *context) {
    if (context) *context = current;
    current = NULL;
    return SUCCESS;
}

Result cuCtxGetDevice(int *device) {
    *device = 0;
    return SUCCESS;
}

Result cuCtxGetDevice_v2(int *device, Handle context) { return cuCtxGetDevice(device); }

Result cuCtxGetStreamPriorityRange(int *least, int *greatest) {
    *least = *greatest = 0;
    return SUCCESS;
}

Result cuGetErrorName(Result error, const char **name) {
    *name = error == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_UNKNOWN";
    return SUCCESS;
}

Result cuGetErrorString(Result error, const char **text) {
    *text = "an error of the emulated GPU";
    return SUCCESS;
}

/* --- streams, and what they record -------------------------------------------------------------------------------- */

typedef struct Work {
    Grid grid; /* of no kernel where it is something else */
    void (*action)(void *);
    void *argument;
    struct Work *next;
} Work;

static Handle recording; /* the stream */
static Work *first, *last;
long graphs_started, products_made;

static void not_while_recording(const char *what) {
    if (recording) fault("%s while a stream records", what);
}

static void carry_out(const Work *work) {
    if (work->action) work->action(work->argument);
    else run_grid(&work->grid);
}

/* Do the work, or note it where its stream records. */
static void take(const Work *work, Handle stream) {
    if (!recording || stream != recording) {
        not_while_recording("work on another stream");
        carry_out(work);
        return;
    }
    Work *noted = malloc(sizeof *noted);
    *noted = *work;
    noted->next = NULL;
    if (last) last->next = noted;
    else first = noted;
    last = noted;
}

/* For other libraries: do this on a stream. */
void emulator_do(void (*action)(void *), const void *argument, size_t size, Handle stream) {
    Work work = {.action = action, .argument = malloc(size)};
    memcpy(work.argument, argument, size);
    products_made++;
    take(&work, stream);
}

Result cuStreamCreate(Handle *stream, unsigned flags) {
    static uint64_t made = 0x100;
    *stream = (Handle)++made;
    return SUCCESS;
}

Result cuStreamDestroy_v2(Handle stream) { return SUCCESS; }

Result cuStreamSynchronize(Handle stream) {
    not_while_recording("waiting");
    return SUCCESS;
}

Result cuCtxSynchronize(void) { return cuStreamSynchronize(NULL); }

Result cuStreamGetCtx(Handle stream, Handle *context) {
    *context = CONTEXT;
    return SUCCESS;
}

Result cuStreamGetFlags(Handle stream, unsigned *flags) {
    *flags = 0;
    return SUCCESS;
}

Result cuStreamGetPriority(Handle stream, int *priority) {
    *priority = 0;
    return SUCCESS;
}

Result cuStreamIsCapturing(Handle stream, int *status) {
    *status = recording && stream == recording;
    return SUCCESS;
}

Result cuStreamBeginCapture_v2(Handle stream, int mode) {
    recording = stream;
    first = last = NULL;
    return SUCCESS;
}

Result cuStreamEndCapture(Handle stream, Handle *graph) {
    recording = NULL;
    *graph = first;
    return SUCCESS;
}

Result cuGraphInstantiateWithFlags(Handle *made, Handle graph, unsigned long long flags) {
    *made = graph;
    return SUCCESS;
}

Result cuGraphLaunch(Handle made, Handle stream) {
    graphs_started++;
    for (const Work *work = made; work; work = work->next) carry_out(work);
    return SUCCESS;
}

Result cuGraphDestroy(Handle graph) { return SUCCESS; } /* what was made of it is the same list */

Result cuGraphExecDestroy(Handle made) { return SUCCESS; }

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e3 + time.tv_nsec * 1e-6;
}

Result cuEventCreate(double **event, unsigned flags) {
    *event = calloc(1, sizeof **event);
    return SUCCESS;
}

Result cuEventRecord(double *event, Handle stream) {
    *event = now();
    return SUCCESS;
}

Result cuEventSynchronize(double *event) { return SUCCESS; }

Result cuEventQuery(double *event) { return SUCCESS; }

Result cuEventElapsedTime_v2(float *milliseconds, const double *begin, const double *end) {
    *milliseconds = *end - *begin;
    return SUCCESS;
}

Result cuEventDestroy_v2(double *event) {
    free(event);
    return SUCCESS;
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

Result cuMemAlloc_v2(Address *address, size_t size) { return memory_allocate(address, size) ? SUCCESS : OUT_OF_MEMORY; }

Result cuMemFree_v2(Address address) {
    if (memory_free(address)) return SUCCESS;
    fault("memory given back that was not allocated");
    return INVALID_VALUE;
}

Result cuMemGetInfo_v2(size_t *available, size_t *total) {
    *total = memory_total();
    *available = *total - memory_used();
    return SUCCESS;
}

Result cuMemGetAddressRange_v2(Address *begins, size_t *size, Address address) {
    return memory_around(address, begins, size) ? SUCCESS : INVALID_VALUE;
}

Result cuPointerGetAttribute(void *value, int attribute, Address address) {
    *(uint64_t *)value = attribute == 1 ? (uint64_t)CONTEXT : attribute == 2 ? 2 : attribute == 3 ? address : 0;
    return SUCCESS;
}

static Result copy(void *to, const void *from, size_t size, int to_device, int from_device) {
    not_while_recording("a copy");
    if ((to_device && !memory_holds((Address)to, size)) || (from_device && !memory_holds((Address)from, size))) {
        fault("a copy of %zu bytes beyond what was allocated", size);
        return INVALID_VALUE;
    }
    memcpy(to, from, size);
    return SUCCESS;
}

Result cuMemcpyHtoD_v2(Address to, const void *from, size_t size) { return copy((void *)to, from, size, 1, 0); }

Result cuMemcpyDtoH_v2(void *to, Address from, size_t size) { return copy(to, (void *)from, size, 0, 1); }

Result cuMemcpyDtoD_v2(Address to, Address from, size_t size) { return copy((void *)to, (void *)from, size, 1, 1); }

Result cuMemcpyHtoDAsync_v2(Address to, const void *from, size_t size, Handle stream) {
    return cuMemcpyHtoD_v2(to, from, size);
}

Result cuMemcpyDtoHAsync_v2(void *to, Address from, size_t size, Handle stream) {
    return cuMemcpyDtoH_v2(to, from, size);
}

Result cuMemcpyDtoDAsync_v2(Address to, Address from, size_t size, Handle stream) {
    return cuMemcpyDtoD_v2(to, from, size);
}

/* --- kernels ------------------------------------------------------------------------------------------------------ */

static Kernel *translated(const char *assembly) {
    char path[] = "/tmp/kernel-XXXXXX", command[4096], library[4096] = "";
    int file = mkstemp(path);
    if (file < 0 || write(file, assembly, strlen(assembly)) < 0) return NULL;
    close(file);
    snprintf(command, sizeof command, "%s %s", getenv("EMULATOR_TRANSLATE"), path);
    FILE *said = popen(command, "r");
    if (said && fgets(library, sizeof library, said)) library[strcspn(library, "\n")] = 0;
    if (said) pclose(said);
    unlink(path);
    void *loaded = *library ? dlopen(library, RTLD_NOW | RTLD_LOCAL) : NULL;
    return loaded ? dlsym(loaded, "kernel") : NULL;
}

Result cuLibraryLoadData(
    Kernel **library, const char *code, Handle a, Handle b, unsigned c, Handle d, Handle e, unsigned f
) {
    if (strncmp(code, "//", 2) || !(*library = translated(code))) {
        fault("a kernel that cannot be translated");
        return INVALID_IMAGE;
    }
    (*library)->dynamic_shared = UNASKED_SHARED - (*library)->fixed_shared;
    return SUCCESS;
}

Result cuLibraryUnload(Kernel *library) { return SUCCESS; }

Result cuLibraryGetKernel(Kernel **kernel, Kernel *library, const char *name) {
    *kernel = library;
    return strcmp(name, library->name) ? NOT_FOUND : SUCCESS;
}

Result cuKernelGetFunction(Kernel **function, Kernel *kernel) {
    *function = kernel;
    return SUCCESS;
}

Result cuKernelGetAttribute(int *value, int attribute, Kernel *kernel, int device) {
    *value = attribute == 0   ? 1024
             : attribute == 1 ? kernel->fixed_shared
             : attribute == 8 ? kernel->dynamic_shared
                              : 0;
    return SUCCESS;
}

Result cuKernelSetAttribute(int attribute, int value, Kernel *kernel, int device) {
    if (attribute != 8) return SUCCESS;
    if (value + kernel->fixed_shared > MOST_SHARED) return INVALID_VALUE;
    kernel->dynamic_shared = value;
    return SUCCESS;
}

Result cuLaunchKernel(
    Kernel *kernel, unsigned blocks_x, unsigned blocks_y, unsigned blocks_z, unsigned threads_x, unsigned threads_y,
    unsigned threads_z, unsigned dynamic_shared, Handle stream, void **arguments, void **extra
) {
    Work work = {.grid = {kernel, {blocks_x, blocks_y, blocks_z}, {threads_x, threads_y, threads_z}, dynamic_shared}};
    uint64_t threads = (uint64_t)threads_x * threads_y * threads_z;
    kernel_running = kernel->name;
    if (!blocks_x || !blocks_y || !blocks_z || blocks_y > 65535 || blocks_z > 65535 || !threads || threads > 1024) {
        fault("%u by %u by %u blocks of %llu threads", blocks_x, blocks_y, blocks_z, (unsigned long long)threads);
        return INVALID_VALUE;
    }
    if (dynamic_shared > (unsigned)kernel->dynamic_shared) {
        fault("%u bytes of shared memory, of %d", dynamic_shared, kernel->dynamic_shared);
        return INVALID_VALUE;
    }
    for (int n = 0; n < kernel->count; n++)
        memcpy(work.grid.arguments + kernel->offsets[n], arguments[n], kernel->sizes[n]);
    take(&work, stream);
    return SUCCESS;
}

typedef struct {
    unsigned blocks[3], threads[3], dynamic_shared;
    Handle stream, attributes;
    unsigned attribute_count;
} Configuration;

Result cuLaunchKernelEx(const Configuration *c, Kernel *kernel, void **arguments, void **extra) {
    return cuLaunchKernel(kernel, c->blocks[0], c->blocks[1], c->blocks[2], c->threads[0], c->threads[1], c->threads[2],
                          c->dynamic_shared, c->stream, arguments, extra);
}

/* --- how all these are found -------------------------------------------------------------------------------------- */

Result cuGetProcAddress_v2(const char *name, Handle *function, int version, uint64_t flags, int *status) {
    static const char *const newest_first[] = {"_v2", ""};
    static Handle here;
    char exact[128];
    if (!here) here = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
    *function = NULL;
    for (int n = 0; n < 2 && !*function; n++) {
        snprintf(exact, sizeof exact, "%s%s", name, newest_first[n]);
        *function = dlsym(here, exact);
    }
    if (status) *status = *function ? 0 : 1;
    return *function ? SUCCESS : NOT_FOUND;
}
