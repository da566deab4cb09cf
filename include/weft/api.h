/* What stands around the declarations of every public header: C linkage for C++, and names that the library shows. All other
 * names of libweft are hidden, in the shared library and in the static one. */
#ifndef WEFT_API_H
#define WEFT_API_H

#ifdef __cplusplus
#define WEFT_API_BEGIN extern "C" { _Pragma("GCC visibility push(default)")
#define WEFT_API_END _Pragma("GCC visibility pop") }
#else
#define WEFT_API_BEGIN _Pragma("GCC visibility push(default)")
#define WEFT_API_END _Pragma("GCC visibility pop")
#endif

#endif
