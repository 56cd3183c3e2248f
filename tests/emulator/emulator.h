/* What the parts of the emulated GPU know of each other. */

#ifndef EMULATOR_H
#define EMULATOR_H

#include <stddef.h>

#include "gpu.h"

typedef struct Grid {
    Kernel *kernel;
    unsigned blocks[3], threads[3], dynamic_shared;
    char arguments[1024];
} Grid;

/* memory.c */
int memory_allocate(uint64_t *address, size_t size);
int memory_free(uint64_t address);
int memory_holds(uint64_t address, size_t size);
int memory_around(uint64_t address, uint64_t *begins, size_t *size);
size_t memory_used(void), memory_total(void);
void memory_new_grid(void);

/* threads.c */
void run_grid(const Grid *);
void let_others_go_on(void);
unsigned multiprocessors(void);

/* Something is wrong with what the GPU was asked to do. */
void fault(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern const char *kernel_running;
extern long grids_run, graphs_started, products_made;

/* The state of a block, as far as checks of memory need it. */
struct Block {
    uint32_t number;
    uint32_t arrivals; /* at counters that blocks wait at */
    char *shared;
    uint32_t shared_size;
    struct Word *words; /* of `shared` */
};

/* Who touched four bytes last. */
typedef struct Access {
    uint32_t grid, block, thread, barriers, arrivals;
    int many; /* more than one thread of the block has read them since its last barrier */
} Access;
typedef struct Word {
    Access written, read;
} Word;

#endif
