/* The products of each layer by themselves. */
#ifndef BENCH_PRODUCTS_H
#define BENCH_PRODUCTS_H

#include "bench/workload.h"

/* Measure every layer and direction of an open workload on one thread into product[0 .. workload_products-1]; the names of the
 * workload and the shares of the peak are left alone. WEFT_OK, WEFT_ENOMEM, WEFT_ERESOURCE, WEFT_ESETTINGS. */
weft_status products_measure(const struct workload *workload, double stretch_s, weft_bench_kernel *product);

/* How many there are: three a layer, but for the first, whose input is not trained. */
size_t workload_products(const struct workload *workload);

#endif
