/* Threads of the emulated GPU: each is a fibre, which runs until it comes to a barrier.

Blocks run one after the other, in an order that changes from grid to grid, and all at once where they wait for each
other. Within a block, too, threads begin with another one each time. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "emulator.h"

#define STACK (64 << 10)
#define MOST_ROUNDS 20000000L

enum State { READY, AT_BARRIER, WAITING, DONE };

typedef struct {
    ucontext_t context;
    Thread thread;
    const Grid *grid;
    enum State state;
} Fibre;

static Fibre *running;
static ucontext_t scheduler;
long grids_run;

unsigned multiprocessors(void) {
    const char *asked = getenv("EMULATOR_MULTIPROCESSORS");
    return asked ? atoi(asked) : 132;
}

static void leave(enum State state) {
    running->state = state;
    swapcontext(&running->context, &scheduler);
}

void gpu_barrier(Thread *t) {
    leave(AT_BARRIER);
    t->barriers++;
}

void let_others_go_on(void) { leave(WAITING); }

static void begin(unsigned high, unsigned low) {
    Fibre *fibre = (Fibre *)((uint64_t)high << 32 | low);
    fibre->grid->kernel->run(&fibre->thread, fibre->grid->arguments);
    leave(DONE);
}

static void make(Fibre *fibre, const Grid *grid, struct Block *block, unsigned number, char *stack) {
    Thread *t = &fibre->thread;
    unsigned thread = number, at = block->number;
    for (int axis = 0; axis < 3; axis++) {
        t->threads[axis] = grid->threads[axis];
        t->blocks[axis] = grid->blocks[axis];
        t->thread[axis] = thread % grid->threads[axis];
        t->block_at[axis] = at % grid->blocks[axis];
        thread /= grid->threads[axis];
        at /= grid->blocks[axis];
    }
    t->dynamic_shared = grid->dynamic_shared;
    t->number = number;
    t->block = block;
    fibre->grid = grid;
    getcontext(&fibre->context);
    fibre->context.uc_stack.ss_sp = stack;
    fibre->context.uc_stack.ss_size = STACK;
    unsigned high = (uint64_t)fibre >> 32, low = (unsigned)(uint64_t)fibre; /* an int is all that may be given */
    makecontext(&fibre->context, (void (*)(void))begin, 2, high, low);
}

/* Let each thread of a block go on that can. Return how many have ended since; `moved` is set if any did anything. */
static unsigned go_on(Fibre *threads, unsigned size, unsigned first, int *moved) {
    unsigned at_barrier = 0, done = 0, ended = 0;
    for (unsigned n = 0; n < size; n++) {
        Fibre *fibre = &threads[(first + n) % size];
        if (fibre->state == READY || fibre->state == WAITING) {
            running = fibre;
            fibre->state = READY;
            swapcontext(&scheduler, &fibre->context);
            ended += fibre->state == DONE;
            *moved = 1;
        }
        at_barrier += fibre->state == AT_BARRIER;
        done += fibre->state == DONE;
    }
    if (at_barrier && at_barrier + done == size) {
        if (done) fault("a barrier that not all threads come to");
        for (unsigned n = 0; n < size; n++)
            if (threads[n].state == AT_BARRIER) threads[n].state = READY;
        *moved = 1;
    }
    return ended;
}

/* Run `count` blocks from `first` on, all at once. */
static void run_blocks(const Grid *grid, unsigned first, unsigned count) {
    unsigned size = grid->threads[0] * grid->threads[1] * grid->threads[2], seed = (unsigned)grids_run;
    uint32_t shared = grid->kernel->fixed_shared + grid->dynamic_shared;
    size_t all = (size_t)size * count;
    char *stacks = mmap(NULL, all * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    Fibre *fibres = calloc(all, sizeof *fibres);
    struct Block *blocks = calloc(count, sizeof *blocks);
    for (unsigned b = 0; b < count; b++) {
        blocks[b] = (struct Block){first + b, 0, malloc(shared + 16), shared, calloc(shared / 4 + 4, sizeof(Word))};
        memset(blocks[b].shared, 0xFF, shared);
        for (unsigned n = 0; n < size; n++)
            make(&fibres[b * size + n], grid, &blocks[b], n, stacks + ((size_t)b * size + n) * STACK);
    }
    long rounds = 0;
    for (size_t left = all; left;) {
        int moved = 0;
        unsigned begins = rand_r(&seed);
        for (unsigned b = 0; b < count; b++)
            left -= go_on(fibres + (size_t)((begins + b) % count) * size, size, rand_r(&seed) % size, &moved);
        if (!moved || ++rounds > MOST_ROUNDS) {
            fault("threads that wait for each other for ever");
            abort();
        }
    }
    for (unsigned b = 0; b < count; b++) {
        free(blocks[b].shared);
        free(blocks[b].words);
    }
    free(blocks);
    free(fibres);
    munmap(stacks, all * STACK);
}

void run_grid(const Grid *grid) {
    unsigned count = grid->blocks[0] * grid->blocks[1] * grid->blocks[2];
    kernel_running = grid->kernel->name;
    memory_new_grid();
    grids_run++;
    if (grid->kernel->waits) {
        if (count > multiprocessors())
            fault("%u blocks that wait for each other on %u multiprocessors", count, multiprocessors());
        run_blocks(grid, 0, count);
        return;
    }
    unsigned begins = (unsigned)grids_run % count;
    for (unsigned b = 0; b < count; b++) run_blocks(grid, (begins + b) % count, 1);
}
