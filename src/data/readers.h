/* The readers: one function a format. Each fills a source that is all zero before; on failure it is all zero again. For
 * TARGET_NOTHING a reader whose files keep training and test rows apart is content with either. */
#ifndef DATA_READERS_H
#define DATA_READERS_H

#include "data/table.h"

/* MNIST family: DIR with train-images-idx3-ubyte, train-labels-idx1-ubyte and t10k-..., each plain or .gz (told by the
 * content, not by the name); also the names with '.' before idx (train-images.idx3-ubyte). Both t10k files may be missing.
 * Images have rank 3 (rows, height, width) or 2 (rows, features), labels rank 1; all are unsigned bytes. */
weft_status idx_read(const struct read_request *request, struct source *source);

/* The built-in digits: ?train=60000&test=10000&seed=1 (train 1 to 10,000,000 rows, test 0 to 10,000,000).
 * Drawn by the OpenMP threads of the caller's settings. */
weft_status digits_read(const struct read_request *request, struct source *source);

/* A CSV file (RFC 4180), plain or gzip; all its rows are training rows. Quoted cells may hold separators, doubled quotes and line
 * breaks; lines end with LF, CR or both, the last one need not; empty lines and a byte order mark of UTF-8 are skipped, blanks
 * around a cell are cut off. ?sep=auto&header=auto&label=COLUMNS&drop=COLUMNS, all texts:
 *   sep      auto (the separator that is most often in the first line), comma, semicolon, tab, pipe, or space (any blanks)
 *   header   yes, no, or auto: the first row is one if it holds a name that label or drop ask for, or a feature that is neither a
 *            number nor missing, or a label that is a text where the second row's is a number
 *   label    the label columns, between commas: names of the header, or numbers: 0 is the first, -1 the last one. Without it, the
 *            last column that is not dropped
 *   drop     columns to leave out
 * Features are numbers; missing is what csv_is_missing says, NaN in the table. A label may not be missing. By request->target:
 *   class, scores   one label column: any texts; the class is the place among request->classes, else see labels.h. Several:
 *                   numbers from 0 to 1, one for each class, whose names the header gives (by them each goes to its place among
 *                   request->classes)
 *   values          each label column one target, named and placed in the same way
 *   nothing         what the header names as label or dropped is left out; if there are still more columns than
 *                   request->features, what is dropped by number; then, too, the labels by number, or the last column. So a file
 *                   with and one without labels are both fine
 * WEFT_OK; WEFT_ESETTINGS (options), WEFT_ENOINPUT, WEFT_EIO, WEFT_ENOMEM; WEFT_EDATA, its message with file:line:column: what is
 * not as said above, rows of different lengths, infinity or more than a float holds, no rows, no features, or not as many as
 * request->features. */
weft_status csv_read(const struct read_request *request, struct source *source);

/* A LIBSVM (svmlight) file, plain or gzip; all its rows are training rows. Each line is
 *   LABEL INDEX:VALUE INDEX:VALUE ...  # comment
 * with indices that ascend, a value of 0 for those not there; empty lines and qid:N are skipped, nan is a missing value.
 * ?base=0 or 1: the number of the first feature; without it 1, but 0 if there is an index 0 in the file. As many features as
 * request->features, else as the largest index says; all have their place in the table, zeros too.
 * Labels are numbers. By request->target:
 *   class     one; classes as of CSV
 *   scores    the same if each row has one; else (several between commas, or none) a target of 0 or 1 for each label of the file
 *   values    one number
 *   nothing   may be there or not
 * WEFT_OK; WEFT_ESETTINGS, WEFT_ENOINPUT, WEFT_EIO; WEFT_EDATA, its message with file:line; WEFT_ENOMEM, also if the table would
 * be larger than the memory of the machine. */
weft_status libsvm_read(const struct read_request *request, struct source *source);

/* CIFAR-10, binary version: DIR with data_batch_1.bin to data_batch_5.bin and test_batch.bin, each plain or packed (told by the
 * content), the name perhaps with .gz. Training rows are those of the batches that are there, one or more, in the order of their
 * numbers; ?batches=1,3 takes these only, and all of them must be there. The test batch may be missing. A row is a picture of
 * 32 x 32 in 3 planes (red, green, blue), bytes as in the file. Names of the classes: the lines of batches.meta.txt if that is
 * there (ten, or it is an error), else the usual ones. WEFT_EDATA: a file that is not records of 3073 bytes, a label beyond 9. */
weft_status cifar10_read(const struct read_request *request, struct source *source);

/* CIFAR-100, binary version: DIR with train.bin and test.bin (records of 3074 bytes). ?labels=fine (the default: 100 classes) or
 * coarse (20). Names of the classes from fine_label_names.txt or coarse_label_names.txt, or none. Else as CIFAR-10. */
weft_status cifar100_read(const struct read_request *request, struct source *source);

/* NumPy: a directory with NAME.npy for each array (or NAME.npy.gz), an archive (.npz) of them, stored or deflated, or for
 * TARGET_NOTHING one .npy file, which is X. Versions 1.0 to 3.0; bool, int, uint, float of 1 to 8 bytes in either byte order;
 * either order of dimensions (an array in Fortran order is in memory twice while it is read).
 * HDF5: a file with a dataset for each array, anywhere in it; integers of 1 to 8 bytes and floats of 2, 4 or 8, contiguous or
 * chunked, packed by gzip, shuffle, fletcher32 or not at all. No soft or external links, external or virtual data. Names of the
 * classes: the dataset class_names or label_names, a list of texts of fixed length (others are not looked at).
 *
 * For both: the arrays are, of these, the first whose X and y are there
 *   X y X_test y_test, x_train y_train x_test y_test, X_train y_train X_test y_test, data label, data labels, images labels,
 *   train_images train_labels test_images test_labels
 * or as ?x=NAME&y=NAME&x_test=NAME&y_test=NAME say; who names a training array gets test rows only if a test array is named, too.
 * X has 2 dimensions or more; all behind the first are flattened, row-major, to features. Unsigned bytes stay bytes (pixel), all
 * else becomes float (value): NaN is a missing value, what is infinite or too large for a float is refused. A row of shape
 * [H, W], [H, W, 1] or [1 or 3, H, W] is a picture; [H, W, 3] is none, since the features of a picture lie in planes.
 * y has as many rows. By request->target:
 *   class     [N] or [N, 1], whole numbers of any type: label; [N, K], K > 1, 0 or more and each row 1 together: target
 *   scores    [N] whole numbers: label; [N, K] in [0, 1]: target
 *   values    [N] or [N, K], finite: target
 *   nothing   y is not looked at
 * WEFT_ENOINPUT: a file or array is not there (the message says which are); WEFT_EDATA: damaged, a type or shape that is not
 * read, a number refused (the message has row and column, from 0); WEFT_ESETTINGS, WEFT_EIO, WEFT_ENOMEM. Memory for an array
 * grows in proportion to what the file really holds. */
weft_status npy_read(const struct read_request *request, struct source *source);
weft_status hdf5_read(const struct read_request *request, struct source *source);

#endif
