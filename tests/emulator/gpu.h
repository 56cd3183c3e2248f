/* What a kernel translated to C and the GPU that runs it know of each other. */

#ifndef GPU_H
#define GPU_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Addresses of shared memory begin here, so that 0 is none. */
#define SHARED_BEGINS 0x1000

typedef struct Thread {
    uint32_t thread[3], threads[3], block_at[3], blocks[3];
    uint32_t dynamic_shared; /* bytes */
    uint32_t number;         /* of the thread in its block */
    uint32_t barriers;       /* that it has passed */
    struct Block *block;
} Thread;

typedef enum { GLOBAL, SHARED } Space;

/* `line` is that of the assembly, for messages. */
void gpu_load(Thread *, Space, uint64_t address, void *to, uint32_t size, int line);
void gpu_store(Thread *, Space, uint64_t address, const void *from, uint32_t size, int line);
/* Wait for all threads of the block. */
void gpu_barrier(Thread *);
/* Add to a counter that blocks wait at; and read it, letting others go on in between. */
void gpu_release(Thread *, uint64_t address, uint32_t number, int line);
uint32_t gpu_acquire(Thread *, uint64_t address, int line);

static inline float float_of(uint32_t bits) {
    float number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

static inline double double_of(uint64_t bits) {
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* What a translated kernel has. */
typedef struct Kernel {
    const char *name;
    void (*run)(Thread *, const char *arguments);
    int count;           /* of arguments */
    const int *offsets;  /* of each, among all */
    const int *sizes;    /* in bytes */
    int fixed_shared;    /* bytes */
    int waits;           /* whether its blocks wait for each other */
    int dynamic_shared;  /* bytes that it may be started with; set by the driver */
} Kernel;

#endif
