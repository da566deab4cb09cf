/* See data_help.h. */
#include "cli/data_help.h"

const char DATA_HELP_ABOUT[] =
    "A source of data is a URI, KIND:WHERE?OPTION=VALUE&OPTION=VALUE, as --data or data.source, or for rows of their own data.validation "
    "and data.test. The part from ? on can be left out; in a value %20 is a blank, %26 an &. Files may be packed with gzip, whatever their "
    "names. A source gives training rows, and test rows if it has some; validation rows are cut off the training rows.";

const struct data_kind data_kind_table[] = {
    {"digits:", "Built in: drawn digits, 28 x 28 pixels, ten classes. ?train=60000&test=10000&seed=1."},
    {"idx:DIR", "The MNIST family: train-images-idx3-ubyte, train-labels-idx1-ubyte, and t10k-... for the test."},
    {"cifar10:DIR", "The binary version: data_batch_1.bin ... data_batch_5.bin, test_batch.bin, batches.meta.txt. ?batches=1,2 takes "
     "these only."},
    {"cifar100:DIR", "train.bin, test.bin. ?labels=fine (100 classes) or coarse (20)."},
    {"csv:FILE", "Training rows with a header or without. ?label=COLUMNS is what is to be predicted: names, or numbers from 0 on, from "
     "-1 down counting from the last column, with commas between several; without it the last column. ?drop=COLUMNS are left out. "
     "?sep=auto, comma, semicolon, tab, pipe or space; ?header=auto, yes or no. A class may be any text. Several label columns are several "
     "labels a row (sigmoid), shares of the classes (softmax) or values (linear). Missing is an empty cell, NA, N/A, nan, null or ?."},
    {"npy:DIR", "NumPy arrays X.npy, y.npy, X_test.npy, y_test.npy, or x_train, y_train, x_test, y_test; or npy:FILE.npz with arrays of such "
     "names. ?x=NAME&y=NAME&x_test=NAME&y_test=NAME for others. Classes are whole numbers [N] or shares [N, K]; labels are 0 to 1 [N, K]; "
     "values [N] or [N, K]. More than two dimensions of X are flattened."},
    {"hdf5:FILE", "Datasets of the same names anywhere in one file, options the same; also data and label. Chunks, gzip and shuffle are fine."},
    {"libsvm:FILE", "Lines LABEL INDEX:VALUE INDEX:VALUE ... # comment. ?base=0 or 1 is the index of the first feature. Several labels "
     "with commas between them are several labels a row (sigmoid)."},
};
const size_t data_kind_count = sizeof data_kind_table / sizeof *data_kind_table;

const char DATA_HELP_REST[] =
    "Unsigned bytes stay bytes; every other number becomes a float. What data.scaling makes of either stands there. What is to be "
    "predicted follows from network.output: softmax takes one class a row, sigmoid one class or several labels, linear one or several "
    "numbers. Names of classes go into the checkpoint and the reports, and by name other data find their classes again.";
