/* Matrix products as cuBLAS has them: C = alpha op(A) op(B) + beta C, column by column, in its precisions.

NVIDIA, cuBLAS library, https://docs.nvidia.com/cuda/cublas, "cublasGemmEx". */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { SUCCESS = 0, NOT_INITIALIZED = 1, INVALID_VALUE = 7, NOT_SUPPORTED = 15 };
enum { FLOAT32 = 0, FLOAT64 = 1 };
enum { IN_FLOAT32 = 68, IN_FLOAT64 = 70, IN_BFLOAT16 = 75, IN_TF32 = 77 };

void emulator_do(void (*action)(void *), const void *argument, size_t size, void *stream);
void fault(const char *format, ...);

static void *const HANDLE = (void *)0x77;
static void *stream;
static int has_workspace;

typedef struct {
    int a_transposed, b_transposed, m, n, k, type, compute, lda, ldb, ldc;
    double alpha, beta;
    const void *A, *B;
    void *C;
} Product;

/* Round to the nearest number of fewer bits of fraction, to even where there are two. */
static float rounded(float number, int compute) {
    uint32_t bits, drop = compute == IN_BFLOAT16 ? 16 : compute == IN_TF32 ? 13 : 0;
    if (!drop) return number;
    memcpy(&bits, &number, sizeof bits);
    bits += (1u << (drop - 1)) - 1 + (bits >> drop & 1);
    bits &= ~((1u << drop) - 1);
    memcpy(&number, &bits, sizeof number);
    return number;
}

static double element(const void *matrix, const Product *p, size_t at) {
    return p->type == FLOAT64 ? ((const double *)matrix)[at] : rounded(((const float *)matrix)[at], p->compute);
}

static void multiply(void *product) {
    const Product *p = product;
    for (int column = 0; column < p->n; column++)
        for (int row = 0; row < p->m; row++) {
            double sum = 0;
            size_t at = (size_t)column * p->ldc + row;
            for (size_t k = 0; k < (size_t)p->k; k++)
                sum += element(p->A, p, p->a_transposed ? row * (size_t)p->lda + k : k * p->lda + row) *
                       element(p->B, p, p->b_transposed ? k * p->ldb + column : column * (size_t)p->ldb + k);
            if (p->type == FLOAT64) {
                double *c = (double *)p->C + at;
                *c = p->alpha * sum + (p->beta ? p->beta * *c : 0);
            } else {
                float *c = (float *)p->C + at;
                *c = (float)(p->alpha * sum + (p->beta ? p->beta * *c : 0));
            }
        }
}

int cublasGemmEx(
    void *handle, int a_transposed, int b_transposed, int m, int n, int k, const void *alpha, const void *A, int a_type,
    int lda, const void *B, int b_type, int ldb, const void *beta, void *C, int c_type, int ldc, int compute,
    int algorithm
) {
    if (handle != HANDLE) return NOT_INITIALIZED;
    if (!has_workspace) fault("a product without a workspace: it could not be recorded");
    if (m < 1 || n < 1 || k < 1 || lda < (a_transposed ? k : m) || ldb < (b_transposed ? n : k) || ldc < m) {
        fault("a product (%d, %d) (%d, %d) with rows %d, %d and %d apart", m, k, k, n, lda, ldb, ldc);
        return INVALID_VALUE;
    }
    if (a_type != b_type || a_type != c_type || (a_type == FLOAT64) != (compute == IN_FLOAT64)) {
        fault("a product of types %d, %d and %d in %d", a_type, b_type, c_type, compute);
        return NOT_SUPPORTED;
    }
    Product product = {a_transposed, b_transposed, m, n, k, a_type, compute, lda, ldb, ldc, .A = A, .B = B, .C = C};
    product.alpha = a_type == FLOAT64 ? *(const double *)alpha : *(const float *)alpha;
    product.beta = a_type == FLOAT64 ? *(const double *)beta : *(const float *)beta;
    emulator_do(multiply, &product, sizeof product, stream);
    return SUCCESS;
}

int cublasCreate_v2(void **handle) {
    *handle = HANDLE;
    return SUCCESS;
}

int cublasSetStream_v2(void *handle, void *chosen) {
    stream = chosen;
    has_workspace = 0;
    return SUCCESS;
}

int cublasSetWorkspace_v2(void *handle, void *workspace, size_t size) {
    if ((uint64_t)workspace % 256) fault("a workspace that does not begin at a multiple of 256");
    has_workspace = 1;
    return SUCCESS;
}

int cublasGetVersion_v2(void *handle, int *version) {
    *version = 130000;
    return SUCCESS;
}
