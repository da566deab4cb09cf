/* The version of the library, as in CHANGELOG.md. */
#ifndef WEFT_VERSION_H
#define WEFT_VERSION_H

/* MAJOR.MINOR.PATCH of the headers; a shared library with another MAJOR has another name. */
#define WEFT_VERSION "0.1.0"

#endif
