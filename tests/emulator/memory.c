/* Memory of the emulated GPU: the host's, with a note for each four bytes of who touched them last.

An access is a fault where nothing was allocated, where it is not aligned, where shared memory is read that nobody
wrote, and where two threads touch the same bytes, one of them writing another value, without a barrier in between: of
the block for two of one block, or a counter that blocks wait at for two of different blocks. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "emulator.h"

#define MOST_MESSAGES 20
#define MOST_ALLOCATIONS 65536
#define AROUND 256 /* bytes kept free before and after */

typedef struct {
    uint64_t begins;
    size_t size;
    Word *words;
} Allocation;

static Allocation allocations[MOST_ALLOCATIONS]; /* by address */
static int count;
static size_t used;
static uint32_t grid = 1;
static long faults;
const char *kernel_running = "";

void fault(const char *format, ...) {
    if (++faults > MOST_MESSAGES) return;
    va_list more;
    va_start(more, format);
    fprintf(stderr, "emulated GPU: %.60s: ", kernel_running);
    vfprintf(stderr, format, more);
    fprintf(stderr, "\n");
    va_end(more);
}

/* Add a line to the report when the process ends, for whoever adds them up. */
__attribute__((destructor)) static void report(void) {
    const char *path = getenv("EMULATOR_REPORT");
    FILE *file = path && grids_run ? fopen(path, "a") : NULL;
    if (!file) return;
    fprintf(file, "%ld %ld %ld %ld\n", grids_run, graphs_started, products_made, faults);
    fclose(file);
}

/* --- allocations -------------------------------------------------------------------------------------------------- */

size_t memory_used(void) { return used; }

size_t memory_total(void) {
    const char *asked = getenv("EMULATOR_MEMORY");
    return asked ? strtoull(asked, NULL, 10) : (size_t)8 << 30;
}

static Allocation *found(uint64_t address) {
    int low = 0, high = count - 1;
    while (low <= high) {
        int middle = (low + high) / 2;
        Allocation *one = &allocations[middle];
        if (address < one->begins) high = middle - 1;
        else if (address >= one->begins + one->size) low = middle + 1;
        else return one;
    }
    return NULL;
}

int memory_holds(uint64_t address, size_t size) {
    Allocation *one = found(address);
    return size == 0 || (one && address + size <= one->begins + one->size);
}

int memory_around(uint64_t address, uint64_t *begins, size_t *size) {
    Allocation *one = found(address);
    if (!one) return 0;
    if (begins) *begins = one->begins;
    if (size) *size = one->size;
    return 1;
}

int memory_allocate(uint64_t *address, size_t size) {
    void *place;
    if (count == MOST_ALLOCATIONS || used + size > memory_total()) return 0;
    if (posix_memalign(&place, AROUND, size + 2 * AROUND)) return 0;
    memset(place, 0xFF, size + 2 * AROUND); /* not a number, whoever reads it before it is written */
    *address = (uint64_t)place + AROUND;
    int at = count++;
    for (; at > 0 && allocations[at - 1].begins > *address; at--) allocations[at] = allocations[at - 1];
    allocations[at] = (Allocation){*address, size, calloc(size / 4 + 1, sizeof(Word))};
    used += size;
    return 1;
}

int memory_free(uint64_t address) {
    Allocation *one = found(address);
    if (!one || one->begins != address) return 0;
    used -= one->size;
    free(one->words);
    free((char *)address - AROUND);
    count--;
    memmove(one, one + 1, (char *)&allocations[count] - (char *)one);
    return 1;
}

/* --- accesses ----------------------------------------------------------------------------------------------------- */

void memory_new_grid(void) { grid++; }

static int in_conflict(const Access *earlier, const Thread *t) {
    if (earlier->grid != grid) return 0;
    if (earlier->block != t->block->number) return earlier->arrivals == t->block->arrivals;
    return earlier->barriers == t->barriers && (earlier->thread != t->number || earlier->many);
}

static void note(Access *access, const Thread *t) {
    int again = access->grid == grid && access->block == t->block->number && access->barriers == t->barriers;
    int many = again && (access->many || access->thread != t->number);
    *access = (Access){grid, t->block->number, t->number, t->barriers, t->block->arrivals, many};
}

/* Return where the bytes are, or NULL; note who touches them. `writing` is what they are going to be. */
static char *touch(Thread *t, Space space, uint64_t address, uint32_t size, const void *writing, int line) {
    const char *name = space == SHARED ? "shared" : "global", *what = writing ? "written" : "read";
    char *place;
    Word *word;
    if (address % size) fault("%s memory %s at an odd address, line %d", name, what, line);
    if (space == SHARED) {
        uint64_t at = address - SHARED_BEGINS;
        if (address < SHARED_BEGINS || at + size > t->block->shared_size) {
            fault("shared memory %s at %llu of %u, line %d", what, (unsigned long long)at, t->block->shared_size, line);
            return NULL;
        }
        place = t->block->shared + at;
        word = t->block->words + at / 4;
    } else {
        Allocation *one = found(address);
        if (!one || address + size > one->begins + one->size) {
            fault("global memory %s where nothing is, by thread %u of block %u, line %d", what, t->number,
                  t->block->number, line);
            return NULL;
        }
        place = (char *)address;
        word = one->words + (address - one->begins) / 4;
    }
    int changes = writing && memcmp(place, writing, size);
    for (uint32_t n = 0; n < (size + 3) / 4; n++, word++) {
        if (space == SHARED && !writing && !word->written.grid)
            fault("shared memory read before written, line %d", line);
        const Access *other = NULL;
        if ((changes || !writing) && in_conflict(&word->written, t)) other = &word->written;
        else if (changes && in_conflict(&word->read, t)) other = &word->read;
        if (other)
            fault("race: %s memory %s by thread %u of block %u, then %s by %u of %u, line %d", name,
                  other == &word->written ? "written" : "read", other->thread, other->block, what, t->number,
                  t->block->number, line);
        note(writing ? &word->written : &word->read, t);
    }
    return place;
}

void gpu_load(Thread *t, Space space, uint64_t address, void *to, uint32_t size, int line) {
    const char *place = touch(t, space, address, size, NULL, line);
    if (place) memcpy(to, place, size);
    else memset(to, 0xFF, size);
}

void gpu_store(Thread *t, Space space, uint64_t address, const void *from, uint32_t size, int line) {
    char *place = touch(t, space, address, size, from, line);
    if (place) memcpy(place, from, size);
}

static uint32_t *counter(uint64_t address, int line) {
    static uint32_t none;
    if (memory_holds(address, 4)) return (uint32_t *)address;
    fault("a counter where nothing is, line %d", line);
    return &none;
}

void gpu_release(Thread *t, uint64_t address, uint32_t number, int line) {
    *counter(address, line) += number;
    t->block->arrivals++;
}

uint32_t gpu_acquire(Thread *t, uint64_t address, int line) {
    let_others_go_on();
    return *counter(address, line);
}
